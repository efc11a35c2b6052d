"""`luzia config`: values are read, changed and checked as the daemon understands them, and comments are kept."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema_rs import validator_for

from support import MAIN, PrivateDaemon, private_daemon
from terminal import terminal

TEXT = """\
# the first line
[daemon]   # of the daemon
max_running = 2 # two
nice = 7

[projects."my.site"]
path = "/srv/my.site"   # there
env = { CI = "1" }

[projects.overbits]
path = "{root}/overbits"
agent = "shell"
"""


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        running.config_file.write_text(TEXT.replace("{root}", str(running.root)))
        with running.connect() as wire:
            wire.ok(op="reload")
        yield running


def config(daemon: PrivateDaemon, *words: str, status: int = 0) -> str:
    done = daemon.run("config", *words)
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


def test_a_value_is_changed_and_everything_else_stays(daemon: PrivateDaemon) -> None:
    before = daemon.config_file.read_text()
    daemon.config_file.chmod(0o640)
    told = config(daemon, "set", "daemon.max_running", "5")
    assert told == f"Set daemon.max_running in {daemon.config_file}; the daemon has reloaded it\n"
    assert daemon.config_file.read_text() == before.replace("max_running = 2 # two", "max_running = 5 # two")
    assert stat.S_IMODE(daemon.config_file.stat().st_mode) == 0o640
    with daemon.connect() as wire:
        assert wire.ok(op="info")["slots"] == 5


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("daemon.default_agent", "shell", "shell"),
        ("daemon.timeout_s", "1.5", "1.5"),
        ("daemon.retry_on", '["failed", "lost"]', '["failed", "lost"]'),
        ("daemon.autostart", "false", "false"),
        ("cli.confirm", "line", "line"),
        ('projects."my.site".max_running', "3", "3"),
        ("projects.overbits.env.NUMBER", "12", "12"),
        ("projects.overbits.env", '{ A = "b" }', 'projects = "no"'),
        ("projects.new.path", "/srv/new", "/srv/new"),
        ("resources.gpu", "2", "2"),
        ("aliases.mine", "jobs --state failed", "jobs --state failed"),
    ],
)
def test_what_was_set_is_what_is_read(daemon: PrivateDaemon, key: str, value: str, shown: str) -> None:
    before = daemon.config_file.read_text().splitlines()
    config(daemon, "set", key, value)
    told = config(daemon, "get", key).rstrip("\n")
    assert told == ('A = "b"' if key.endswith(".env") else shown)
    after = daemon.config_file.read_text().splitlines()
    assert [line for line in before if "#" in line and line not in after] == []
    assert config(daemon, "check") == f"{daemon.config_file} is valid\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("set", "daemon.max_running", "0"), "daemon.max_running: found 0, expected a whole number from 1"),
        (("set", "daemon.max_runing", "1"), "Did you mean `daemon.max_running`?"),
        (("set", "demon.nice", "1"), "Did you mean `daemon`?"),
        (("set", "daemon", "1"), "daemon: found 1, expected a table"),
        (("set", "projects.new.agent", "shell"), "projects.new.path: missing"),
        (("set", "a b", "1"), "invalid key 'a b'"),
        (("get", "daemon.timeout_s"), "daemon.timeout_s is not set"),
        (("get", "daemon.x.y"), "unknown key"),
    ],
)
def test_a_mistake_changes_nothing(daemon: PrivateDaemon, words: tuple[str, ...], told: str) -> None:
    before = daemon.config_file.read_text()
    done = daemon.run("config", *words)
    assert done.returncode in (2, 4)
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert daemon.config_file.read_text() == before


def test_a_default_is_printed_for_what_is_not_set(daemon: PrivateDaemon) -> None:
    assert config(daemon, "get", "daemon.grace_s") == "10.0\n"
    assert config(daemon, "get", "daemon.retry_on", "--json") == '["failed","stalled","lost"]\n'
    unset = daemon.run("config", "get", "daemon.memory_bytes")
    assert (unset.returncode, unset.stdout) == (2, "")
    assert "Default: the machine's memory." in unset.stderr, "a default that is not the same everywhere"
    assert config(daemon) == config(daemon, "get")
    assert 'projects."my.site".env.CI = "1"' in config(daemon, "get").splitlines()


def test_check_names_every_mistake_with_its_line(daemon: PrivateDaemon) -> None:
    with open(daemon.config_file, "a", encoding="utf-8") as text:
        text.write('nicer = 1\n[aliases]\njobs = "x"\n')
    done = daemon.run("config", "check")
    assert done.returncode == 1
    file = daemon.config_file
    first, second = done.stdout.splitlines()
    assert first.startswith(f"{file}:13: projects.overbits.nicer: unknown key")
    assert second == f"{file}: aliases.jobs: is the name of a command, which has precedence."
    file.write_text("[daemon\n")
    assert f"{file}:1: invalid TOML" in daemon.run("config", "check").stdout
    assert f"{file}:1: invalid TOML" in daemon.run("config", "get").stderr


def test_the_schema_accepts_the_file_and_refuses_a_mistake(daemon: PrivateDaemon) -> None:
    validator = validator_for(json.loads(config(daemon, "schema")))
    assert validator.is_valid(json.loads(config(daemon, "get", "--json")))
    assert not validator.is_valid({"daemon": {"max_running": 0}})
    assert not validator.is_valid({"daemon": {"max_runing": 1}})


def edit(daemon: PrivateDaemon, tmp_path: Path, script: str, *keys: str) -> str:
    """`luzia config edit` with an editor that is this shell script, and the answers to its question."""
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o755)
    env = daemon.env | {"VISUAL": str(editor)}
    with terminal([sys.executable, "-c", MAIN, "config", "edit"], env, str(daemon.root), columns=200) as screen:
        for key in keys:
            screen.shows("Edit it again?")
            screen.type(key)
        screen.ended()
        return screen.text


def test_an_edited_file_is_saved_when_it_is_valid(daemon: PrivateDaemon, tmp_path: Path) -> None:
    told = edit(daemon, tmp_path, "sed -i 's/^nice = 7/nice = 8/' \"$1\"")
    assert "the daemon has reloaded it" in told
    assert config(daemon, "get", "daemon.nice") == "8\n"
    assert "Nothing has changed." in edit(daemon, tmp_path, "true")


def test_the_end_of_input_ends_the_editing(daemon: PrivateDaemon, tmp_path: Path) -> None:
    before = daemon.config_file.read_text()
    told = edit(daemon, tmp_path, 'echo [daemon >> "$1"', "\x04")
    assert "The text is kept in" in told
    assert daemon.config_file.read_text() == before


def test_a_broken_file_is_not_saved_and_its_text_is_kept(daemon: PrivateDaemon, tmp_path: Path) -> None:
    before = daemon.config_file.read_text()
    told = edit(daemon, tmp_path, "sed -i 's/^nice = 7/nice = 70/' \"$1\"", "n\r")
    assert f"{daemon.config_file}:4: daemon.nice: found 70" in told
    assert daemon.config_file.read_text() == before
    (kept,) = (word.rstrip(".") for word in told.split() if word.startswith("/") and "luzia-config-" in word)
    assert "nice = 70" in Path(kept).read_text()
    Path(kept).unlink()


def test_a_new_file_begins_with_the_settings_as_comments(daemon: PrivateDaemon, tmp_path: Path) -> None:
    daemon.config_file.unlink()
    edit(daemon, tmp_path, "true")
    text = daemon.config_file.read_text()
    assert "# max_running = 4" in text
    assert config(daemon, "get").splitlines() in ([], ["Nothing is set."])
    uncommented = "\n".join(line.removeprefix("# ") for line in text.splitlines() if " = " in line or "[" in line)
    daemon.config_file.write_text(uncommented.replace("~/src", str(daemon.root)))
    assert config(daemon, "check") == f"{daemon.config_file} is valid\n"


def test_a_file_that_cannot_be_written_is_told_with_what_to_check(daemon: PrivateDaemon) -> None:
    daemon.config_file.unlink()
    daemon.config_file.symlink_to("/proc/nothing/config.toml")
    refused = daemon.run("projects", "add", "site", str(daemon.root))
    assert (refused.returncode, refused.stdout) == (4, "")
    assert refused.stderr.startswith(f"luzia: {daemon.config_file}: cannot be written: ")
    assert refused.stderr.splitlines()[1].startswith("  Check the owner and mode of the file and of its directory")
