"""A person at Claude Code's own screen has luzia's tools, once they are installed."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents.real import WAIT_S, RealAgent
from agents.setups import lead_to
from mcp_agent import McpLuzia


@contextmanager
def on_a_screen(command: list[str], env: dict[str, str], cwd: str) -> Iterator[int]:
    """Run a program in a terminal of its own; the file descriptor is that of the terminal's other end."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
    process = subprocess.Popen(
        command, env=env, cwd=cwd, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    try:
        yield master
    finally:
        process.kill()
        process.wait()
        os.close(master)


@pytest.mark.only("claude")
def test_the_model_of_an_interactive_session_dispatches_waits_and_gets_the_verdict(agent: RealAgent) -> None:
    luzia = agent.luzia
    home = Path(luzia.env["HOME"])
    env = luzia.env | lead_to("claude", agent.model.url, home) | {"TERM": "xterm-256color"}
    settings = home / ".claude" / "settings.json"
    allowed = {"permissions": {"allow": ["mcp__luzia", "Bash"]}}
    settings.write_text(json.dumps(json.loads(settings.read_text()) | allowed))
    known = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
    first = {"hasCompletedOnboarding": True, "theme": "dark", "projects": {luzia.project: known}}
    (home / ".claude.json").write_text(json.dumps(first))
    installed = luzia.run("mcp", "install", "claude", "--yes")
    assert installed.returncode == 0, installed.stderr
    screen = b""
    try:
        with on_a_screen(["claude", "stub:mcp"], env, luzia.project) as terminal:
            deadline = time.monotonic() + WAIT_S
            while b"completed." not in screen:
                assert time.monotonic() < deadline, screen[-3000:]
                if select.select([terminal], [], [], 1.0)[0]:
                    screen += os.read(terminal, 65536)
    finally:
        if (served := McpLuzia(luzia)).hub_socket.exists():
            served.end_hub()
    (job,) = agent.client.list_jobs().jobs
    assert (job.state, job.parent, job.project) == ("completed", None, "real")
    assert job.id.encode() in screen
