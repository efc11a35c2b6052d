"""`luzia agents read` says what was understood of a recorded stream, and how it would be judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from luziad.agents.registry import BUILT_IN
from luziad.tools import read_agent
from unit.luziad.agents.recordings import DIRECTORY, RECORDINGS, Recording


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of the test's own, which is not there yet."""
    file = tmp_path / "config.toml"
    monkeypatch.setenv("LUZIA_CONFIG", str(file))
    return file


def luzia(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run `luzia agents read`, in a directory where no daemon is and none can be."""
    command = [sys.executable, "-c", "import sys; from luzia_client.cli.main import main; sys.exit(main())"]
    return subprocess.run([*command, "agents", "read", *words], input=stdin, capture_output=True)


def replay(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """What `--json` prints."""
    assert read_agent.main([*words, "--json"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    said = json.loads(printed)
    assert isinstance(said, dict)
    return said


@pytest.mark.parametrize("run", RECORDINGS, ids=lambda run: run.name)
def test_every_recording_can_be_replayed(run: Recording, capsys: pytest.CaptureFixture[str]) -> None:
    stderr = DIRECTORY / run.agent / f"{run.scenario}.stderr"
    more = [f"--stderr={stderr}"] if stderr.exists() else []
    ended = f"--exit={run.exit_code}" if run.exit_code >= 0 else f"--signal={-run.exit_code}"
    stdout = f"--stdout={DIRECTORY / run.agent / run.scenario}.stdout"
    said = replay(capsys, run.agent, stdout, *more, ended)
    assert list(said) == ["agent", "verdict", "understanding"]
    assert said["agent"] == run.agent
    assert said["verdict"]["outcome"] == ("completed" if run.succeeded else "failed")
    assert (said["verdict"]["reason"] is None) == run.succeeded
    assert read_agent.main([run.agent, stdout, *more, ended]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[-1].startswith("verdict:  completed (" if run.succeeded else "verdict:  failed: ")
    assert all(line.isprintable() for line in shown.splitlines())


def test_the_command_needs_no_daemon_and_exits_0_whatever_the_verdict() -> None:
    done = luzia("codex", "--stdout", str(DIRECTORY / "codex" / "error-401.stdout"), "--exit", "1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"verdict:  failed: unexpected status 401" in done.stdout


def test_a_dash_is_stdin() -> None:
    stream = (DIRECTORY / "claude" / "success.stdout").read_bytes()
    done = luzia("claude", "--stdout", "-", "--json", stdin=stream)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["understanding"]["session"] == "cfa8e9b0-f926-4d1a-824f-5f135cd85278"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["claud", "--stdout=-"], 2, "Did you mean claude?"),
        (["argv", "--stdout=-"], 2, "unknown agent 'argv'"),
        (["claude"], 2, "--stdout"),
        (["claude", "--stdout=-", "--exit=256"], 2, "256"),
        (["claude", "--stdout=-", "--exit=x"], 2, "invalid exit code"),
        (["claude", "--stdout=-", "--signal=NONE"], 2, "invalid signal"),
        (["claude", "--stdout=-", "--signal=TERM", "--exit=1"], 2, "cannot be combined with"),
        (["claude", "--stdout=-", "--stderr=-"], 2, "can be -"),
        (["claude", "--stdout=/nowhere/out"], 74, "/nowhere/out: No such file or directory"),
        (["claude", "--stdout=-", "--stderr=/nowhere/err"], 74, "/nowhere/err: No such file or directory"),
        (["claude", "--stdout=/"], 74, "Is a directory"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(words: list[str], status: int, said: str) -> None:
    done = luzia(*words)
    assert (done.returncode, done.stdout) == (status, b"")
    assert done.stderr.startswith(b"luzia: ")
    assert said in done.stderr.decode()


@pytest.mark.parametrize("name", ["TERM", "sigterm", "15"])
def test_a_signal_can_be_said_in_any_way(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = replay(capsys, "codex", "--stdout=/dev/null", f"--signal={name}")
    assert said["verdict"] == {"outcome": "failed", "reason": "killed by SIGTERM", "cause": None}


def test_a_configured_agent_is_read_as_its_reader_says(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text('[agents.mine]\ncommand = ["mine", "{task}"]\nreader = "codex"\n')
    stdout = DIRECTORY / "codex" / "success.stdout"
    said = replay(capsys, "mine", f"--stdout={stdout}")
    assert said["agent"] == "mine"
    assert said["verdict"]["outcome"] == "completed"
    assert said["understanding"]["tokens_in"] == 3600


def test_a_configuration_with_mistakes_is_not_ignored(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("[agents.mine]\n")
    assert read_agent.main(["claude", "--stdout=/dev/null"]) == 2
    assert "agents.mine.command" in capsys.readouterr().err


def test_when_nobody_says_how_it_ended_exit_0_is_assumed_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert read_agent.main(["shell", "--stdout=/dev/null"]) == 0
    assert capsys.readouterr().out.endswith("verdict:  completed (exit code 0, assumed; pass --exit or --signal)\n")


def test_every_agent_can_be_asked_about(capsys: pytest.CaptureFixture[str]) -> None:
    for agent in BUILT_IN:
        assert replay(capsys, agent, "--stdout=/dev/null")["understanding"]["events"] == 0
