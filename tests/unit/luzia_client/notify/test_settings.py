"""The tables of the configuration, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from luzia_client.notify import NotifyError
from luzia_client.notify.settings import load, read_secret

GOOD = """
[notify]
link = "https://luzia.example.org"
[notify.targets.phone]
url_env = "PHONE"
[notify.targets.script]
command = ["cat"]
[[notify.rules]]
targets = ["phone"]
events = ["asks", "failed"]
quiet = "22:00-07:00"
"""


def test_tables_are_read_and_other_tables_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[daemon]\nmax_running = 3\n[projects.x]\npath = "/x"\n{GOOD}')
    settings = load(str(file))
    assert settings.targets["script"].command == ["cat"]
    assert settings.rules[0].events == ["asks", "failed"]


def test_without_a_file_there_are_no_targets(tmp_path: Path) -> None:
    assert load(str(tmp_path / "none.toml")).targets == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[notify.targets.a]\n", "[notify.targets.a]: set exactly one of"),
        ('[notify.targets.a]\nurl_env = "A"\ndesktop = true\n', "[notify.targets.a]: set exactly one of"),
        ('[notify.targets.a]\nurl = "slack://secret-token"\n', "unknown key"),
        ('[[notify.rules]]\ntargets = ["b"]\n', "unknown target 'b'"),
        ('[[notify.rules]]\nevents = ["failed"]\n', "missing"),
        (f"{GOOD}\n[[notify.rules]]\ntargets = ['phone']\nevents = ['fails']\n", "rules"),
        (f"{GOOD}\n[[notify.rules]]\ntargets = ['phone']\nquiet = '25:00-07:00'\n", "expected HH:MM-HH:MM"),
        (f"{GOOD}\n[[notify.rules]]\ntargets = ['phone']\nquiet = 'night'\n", "expected HH:MM-HH:MM"),
        (f"{GOOD}\n[[notify.rules]]\ntargets = ['phone']\nquiet = '07:00-07:00'\n", "begins and ends at the same time"),
        ("[notify\n", "invalid TOML"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_without_secrets(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(NotifyError) as caught:
        load(str(file))
    assert str(file) in caught.value.message
    assert words in caught.value.message
    assert "secret-token" not in caught.value.message


def test_a_secret_comes_from_a_file_of_its_owner_or_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "url"
    file.write_text("slack://secret-token\n")
    file.chmod(0o644)
    with pytest.raises(NotifyError, match="can be read by other users") as caught:
        read_secret(None, str(file))
    assert "secret-token" not in caught.value.message
    file.chmod(0o600)
    assert read_secret(None, str(file)) == "slack://secret-token"
    monkeypatch.setenv("PHONE", "ntfy://x")
    assert read_secret("PHONE", None) == "ntfy://x"
    monkeypatch.delenv("PHONE")
    with pytest.raises(NotifyError, match="PHONE is not set"):
        read_secret("PHONE", None)
    with pytest.raises(NotifyError, match="cannot read"):
        read_secret(None, str(tmp_path / "none"))
