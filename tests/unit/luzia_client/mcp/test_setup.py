"""luzia's MCP server is added to agents' configuration files, and removed, and all else in them stays."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.main import main
from luzia_client.mcp.setup.agents import SETUPS
from luzia_client.mcp.setup.writing import change_file

COMMAND = ["/opt/luzia/bin/luzia", "mcp"]
CODEX = 'model = "m"  # mine\n\n[mcp_servers.other]\ncommand = "x"\n\n[mcp_servers.luzia]\ncommand = "old"\n'
CODEX += '[mcp_servers.luzia.env]\nA = "b"\n\n[profiles.p]\nmodel = "n"\n'
VIBE = '[[mcp_servers]]\nname = "other"\ntransport = "http"\n\n[[mcp_servers]]\nname = "luzia"\ncommand = "old"\n'


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "VIBE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def entry(agent: str) -> Any:
    """luzia's entry in an agent's file; None if it is not there."""
    path = SETUPS[agent].path()
    text = Path(path).read_text()
    whole = tomllib.loads(text) if path.endswith(".toml") else json.loads(text)
    if agent == "vibe":
        return next((each for each in whole.get("mcp_servers", ()) if each["name"] == "luzia"), None)
    key = {"codex": "mcp_servers", "opencode": "mcp"}.get(agent, "mcpServers")
    return whole.get(key, {}).get("luzia")


@pytest.mark.parametrize("agent", SETUPS)
def test_it_is_shown_then_written_then_removed(agent: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(SETUPS[agent].path())
    change_file(agent, COMMAND, write=False)
    assert not path.exists()
    shown = capsys.readouterr().out
    assert str(path) in shown
    assert "/opt/luzia/bin/luzia" in shown
    change_file(agent, COMMAND, write=True)
    found = entry(agent)
    assert [found["command"], *found["args"]] == COMMAND if agent != "opencode" else found["command"] == COMMAND
    capsys.readouterr()
    change_file(agent, COMMAND, write=True)
    assert "nothing to change" in capsys.readouterr().out
    change_file(agent, None, write=True)
    assert entry(agent) is None


@pytest.mark.parametrize("agent", SETUPS)
def test_the_command_writes_with_yes_alone(agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_there_after(*words: str) -> bool:
        monkeypatch.setattr("sys.argv", ["luzia", "mcp", *words])
        assert main() == 0
        return Path(SETUPS[agent].path()).exists() and entry(agent) is not None

    assert not is_there_after("install", agent)
    assert is_there_after("install", agent, "--yes")
    assert is_there_after("uninstall", agent)
    assert not is_there_after("uninstall", agent, "--yes")
    monkeypatch.setattr("sys.argv", ["luzia", "mcp", "install", f"{agent}x", "--yes"])
    assert main() == 2


def test_other_tables_and_comments_stay(tmp_path: Path) -> None:
    for agent, text in (("codex", CODEX), ("vibe", VIBE)):
        path = Path(SETUPS[agent].path())
        path.parent.mkdir()
        path.write_text(text)
        change_file(agent, COMMAND, write=True)
        assert entry(agent)["command"] == COMMAND[0]
        change_file(agent, None, write=True)
    assert Path(SETUPS["codex"].path()).read_text() == (
        'model = "m"  # mine\n\n[mcp_servers.other]\ncommand = "x"\n\n[profiles.p]\nmodel = "n"\n'
    )
    assert "other" in Path(SETUPS["vibe"].path()).read_text()


def test_a_comment_after_the_removed_table_stays() -> None:
    path = Path(SETUPS["codex"].path())
    path.parent.mkdir()
    path.write_text('[mcp_servers.luzia]\ncommand = "old"  # mine\n\n# for reviews\n[profiles.p]\nmodel = "n"\n')
    change_file("codex", None, write=True)
    assert path.read_text() == '# for reviews\n[profiles.p]\nmodel = "n"\n'


WHOLE = {"theme": "é", "on": {"a": [1, 2.5, []], "b": {}}}
FILES = {
    "claude": [
        json.dumps(WHOLE, indent=2),
        json.dumps(WHOLE, indent=4, ensure_ascii=False) + "\n\n",
        json.dumps(WHOLE, indent="\t") + "\n",
        json.dumps(WHOLE),
        json.dumps(WHOLE, separators=(",", ":")) + "\n",
        '{\n  "mcpServers": {\n    "other": {}\n  }\n}\n',
    ],
    "codex": ['# mine\nmodel = "m"\n', "# mine\n\n[a]\nb = 1\n# last\n"],
}
FILES |= {"gemini": FILES["claude"], "opencode": FILES["claude"], "vibe": FILES["codex"]}


@pytest.mark.parametrize(("agent", "text"), [(agent, text) for agent, texts in FILES.items() for text in texts])
def test_the_file_is_as_it_was_when_luzia_is_removed(agent: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(SETUPS[agent].path())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    change_file(agent, None, write=True)
    assert "nothing to change" in capsys.readouterr().out
    assert path.read_text() == text
    change_file(agent, COMMAND, write=True)
    assert entry(agent) is not None
    removed = [line for line in capsys.readouterr().out.splitlines()[2:] if line.startswith("-")]
    assert len(removed) <= 1 or "\n" not in text.strip()  # the other lines stay as they are; one gets a comma
    change_file(agent, None, write=True)
    assert path.read_text() == text


def test_the_mode_and_a_symbolic_link_stay(tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles"
    kept.write_text('{"theme": "dark"}')
    kept.chmod(0o640)
    Path(SETUPS["claude"].path()).symlink_to(kept)
    change_file("claude", COMMAND, write=True)
    assert Path(SETUPS["claude"].path()).is_symlink()
    assert os.stat(kept).st_mode & 0o777 == 0o640
    assert json.loads(kept.read_text())["theme"] == "dark"


@pytest.mark.parametrize("text", ["{ // mine\n}", "[1]", '{"mcpServers": 1}'])
def test_a_file_that_is_not_understood_is_left_alone(text: str) -> None:
    path = Path(SETUPS["claude"].path())
    path.write_text(text)
    with pytest.raises(UsageError, match="cannot change") as raised:
        change_file("claude", COMMAND, write=True)
    assert "by hand" in raised.value.hint
    assert path.read_text() == text
