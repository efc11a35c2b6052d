"""The daemon tells which agents are there, of what version, and whether they start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from support import private_daemon

CONFIG = """
[agents.bold]
command = ["claude", "--bold"]
prompt = "stdin"
reader = "claude"
[agents.mine]
command = ["mine", "{task}"]
"""


def program(directory: Path, name: str, script: str) -> None:
    """A program that is a shell script."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_versions_and_what_does_not_start_are_told_and_a_program_of_the_users_own_is_not_run(tmp_path: Path) -> None:
    program(tmp_path, "claude", 'echo "2.1.330 (Claude Code)"')
    program(tmp_path, "codex", "echo 'no such library' >&2; exit 127")
    program(tmp_path, "mine", f"touch {tmp_path}/ran")
    with private_daemon(CONFIG, {"PATH": f"{tmp_path}:{os.environ['PATH']}"}) as daemon, daemon.connect() as connection:
        agents: dict[str, dict[str, Any]] = {row["name"]: row for row in connection.ok(op="agents")["agents"]}
        shown = daemon.run("agents").stdout
        doctor = daemon.run("doctor").stdout
    assert (agents["claude"]["version"], agents["claude"]["problem"]) == ("2.1.330", "")
    assert (agents["codex"]["version"], agents["codex"]["problem"]) == (None, "exit code 127: no such library")
    assert agents["bold"]["version"] == "2.1.330"
    assert (agents["mine"]["installed"], agents["mine"]["version"]) == (True, None)
    assert [agents[name]["has_transcript"] for name in ("claude", "bold", "mine", "shell")] == [
        True,
        True,
        False,
        False,
    ]
    assert not (tmp_path / "ran").exists()
    assert "does not start: exit code 127: no such library" in shown
    assert "✗ agent codex does not start: exit code 127: no such library" in doctor
