"""The scene of the pictures: a private daemon whose agents print recordings, and a user's shell in a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import PrivateDaemon, eventually, private_daemon
from terminal import Terminal, terminal

RECORDINGS = Path(__file__).parents[3] / "tests" / "data" / "recordings"

# Agent -> word in the task -> recording to print; the first match is used. With a final `+`, the agent keeps running.
RECORDED = {
    "claude": {
        "button": "claude/success-shell.stdout",
        "invoice": "claude/sigkill-tool.stdout",
        "": "claude/success.stdout+",
    },
    "codex": {"button": "codex/success-shell.stdout", "": "codex/success-shell.stdout+"},
}
PLAYER = """
import signal, sys, time
recorded, task = eval(sys.argv[1]), sys.argv[2]
recording = next(name for word, name in recorded.items() if word in task)
lines = open(recording.rstrip("+"), "rb").read().splitlines(keepends=True)
for line in lines[:-2] if recording[-1] == "+" else lines:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
    time.sleep(0.05)
if recording[-1] == "+":
    signal.pause()
sys.exit("error" in recording)
"""
"""The program of the agents: prints the lines of a recording one after another."""


def config() -> str:
    """The configuration of the daemon."""
    tables = ["[daemon]\nmax_running = 3\n"]
    for agent, recorded in RECORDED.items():
        paths = repr({word: str(RECORDINGS / name) for word, name in recorded.items()})
        tables.append(f"[agents.{agent}]\ncommand = {json.dumps([sys.executable, '-SEc', PLAYER, paths, '{task}'])}\n")
    for project in ("website", "printer"):
        tables.append(f'[projects.{project}]\npath = "{{root}}/{project}"\nagent = "codex"\n')
    return "".join(tables)


@contextmanager
def example_daemon() -> Iterator[PrivateDaemon]:
    """A private daemon with three projects."""
    with private_daemon(config()) as daemon:
        for project in ("website", "printer"):
            (daemon.root / project).mkdir()
        daemon.env |= {
            "PATH": f"{Path(sys.executable).parent}:{daemon.env['PATH']}",
            "PS1": "$ ",
            "HOME": str(daemon.root),
            "LC_ALL": "C.UTF-8",
        }
        daemon.env.pop("NO_COLOR", None)
        text = daemon.config_file.read_text()
        daemon.config_file.write_text(text.replace('agent = "shell"', 'agent = "claude"'))
        with daemon.connect() as wire:
            wire.ok(op="reload")
        yield daemon


@contextmanager
def user_shell(daemon: PrivateDaemon, columns: int = 92, rows: int = 24) -> Iterator[Terminal]:
    """A user's shell in a terminal."""
    argv = ["bash", "--noprofile", "--norc", "-i"]
    with terminal(argv, daemon.env, str(daemon.project), columns, rows) as screen:
        screen.until(is_ready, "a prompt")
        yield screen


def type_commands(screen: Terminal, *commands: str) -> None:
    """Type commands, and wait for the prompt after each."""
    for command in commands:
        screen.press(command)
        screen.until(lambda now, command=command: now.text.rstrip().endswith(f"$ {command}"), "the command")  # type: ignore[misc]
        screen.press("enter")
        screen.until(is_ready, "the next prompt")


def is_ready(screen: Terminal) -> bool:
    """Whether the shell is ready for a command: the last line is only the prompt."""
    return screen.text.rstrip().endswith("\n$") or screen.text.strip() == "$"


def dispatch_history(daemon: PrivateDaemon) -> None:
    """Let a job of each project complete, from which the start of later ones is estimated."""
    for project in ("overbits", "website", "printer"):
        daemon.run(project, "look at the button")
    with daemon.connect() as wire:
        eventually(lambda: not wire.ok(op="list", states=["queued", "starting", "running"])["jobs"], "all ends")


def dispatch_examples(daemon: PrivateDaemon) -> None:
    """Dispatch jobs that are in different states when three of them are running."""
    for project, task in (
        ("overbits", "fix the login button"),
        ("overbits", "find out why the invoice is empty"),
        ("website", "翻译首页 into French 🎉"),
        ("overbits", "write tests for the parser"),
        ("printer", "bring the driver up to date"),
        ("website", "describe the new prices"),
    ):
        daemon.run(project, task)
    with daemon.connect() as wire:
        eventually(lambda: len(wire.ok(op="list", states=["running"])["jobs"]) == 3, "three running jobs")
