"""TAB in real shells, each on a terminal of its own."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import DEADLINE_S, PrivateDaemon, private_daemon

DATA = Path(__file__).parents[2] / "luzia_client" / "cli" / "completion" / "data"
HOSTILE = 'sleep 1000 # "it\'s" $(touch pwned) `touch pwned` ; touch pwned\n\x1b[31mred'
ESCAPES = re.compile(r"\x1b\[[0-9;?>=]*[a-zA-Z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b[=>()][AB0]?")
# What is typed after `luzia` is printed and not done; only the completion reaches the real one.
STUBS = {
    "bash": 'luzia() { if [[ $1 == --complete ]]; then command luzia "$@"; else printf "RAN<%s>\\n" "$*"; fi; }',
    "zsh": 'luzia() { if [[ $1 == --complete ]]; then command luzia "$@"; else printf "RAN<%s>\\n" "$*"; fi; }',
    "fish": 'function luzia; if test "$argv[1]" = --complete; command luzia $argv; '
    'else; printf "RAN<%s>\\n" "$argv"; end; end',
}
BEGIN = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        "bind 'set enable-bracketed-paste off'; bind 'set show-all-if-ambiguous on'; PS1='ready> '",
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        "autoload -U compinit; compinit -u -D; PS1='ready> '; unsetopt zle_bracketed_paste list_ambiguous",
    ),
    "fish": (["fish", "--no-config", "-i"], "function fish_prompt; echo -n 'ready> '; end"),
}


class Shell:
    """A shell that somebody types into."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def until(self, pattern: str) -> str:
        """Read until the screen has shown the pattern since the last time; returns what it showed."""
        deadline = time.monotonic() + DEADLINE_S
        while not re.search(pattern, ESCAPES.sub("", self.shown), re.DOTALL):
            assert time.monotonic() < deadline, f"{pattern} never came:\n{self.shown!r}"
            if select.select([self._terminal], [], [], 0.2)[0]:
                self.shown += os.read(self._terminal, 65536).decode(errors="replace")
        raw, self.shown = self.shown, ""
        return raw


@contextmanager
def shell(name: str, daemon: PrivateDaemon) -> Iterator[Shell]:
    """A shell with luzia's completion, in the daemon's project."""
    argv, begin = BEGIN[name]
    main_end, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**daemon.env, "PATH": path, "TERM": "xterm", "HOME": str(daemon.root)}
    # Who has a session of its own and opens a terminal is controlled by it.
    opening = ["sh", "-c", 'exec "$@" <>"$0" >&0 2>&0', os.ttyname(terminal), *argv]
    process = subprocess.Popen(
        opening,
        env=env,
        cwd=daemon.project,
        start_new_session=True,
    )
    try:
        typed = Shell(main_end)
        typed.type(f"{begin}; {STUBS[name]}; source {DATA / f'luzia.{name}'}; echo be''gun\n")
        typed.until("begun.*ready> ")
        yield typed
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(terminal)
        os.close(main_end)


SHELLS = [
    pytest.param(name, marks=pytest.mark.skipif(shutil.which(name) is None, reason=f"needs {name}")) for name in BEGIN
]


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nmax_running = 2\n") as daemon, daemon.connect() as wire:
        for task in (HOSTILE, "sleep 2000"):
            job = wire.ok(op="dispatch", project="overbits", task=task)["job"]
            wire.ok(op="status", job=job)
        yield daemon


@pytest.mark.parametrize("name", SHELLS)
def test_tab_completes_commands_options_and_values(name: str, daemon: PrivateDaemon) -> None:
    with shell(name, daemon) as typed:
        for line, ran in (
            ("luzia canc\t", "cancel"),
            ("luzia jobs --stat\trunn\t", "jobs --state running"),
            ("luzia overb\t-a shel\t", "overbits -a shell"),
            ("luzia help exi\t", "help exit-codes"),
        ):
            typed.type(line)
            typed.type("\n")
            typed.until(f"RAN<{ran} ?>.*ready> ")


@pytest.mark.parametrize("name", SHELLS)
def test_tab_completes_a_job_by_the_beginning_and_by_the_end_of_its_id(name: str, daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        jobs = [job["id"] for job in wire.ok(op="list")["jobs"]]
    job, other = jobs
    same = next(place for place, (one, two) in enumerate(zip(*jobs, strict=False)) if one != two)
    with shell(name, daemon) as typed:
        for part in (job[: same + 1], f"agent:overbits:{job[: same + 1]}"):
            typed.type(f"luzia cancel {part}\t\n")
            typed.until(f"RAN<cancel (agent:overbits:)?{job} ?>.*ready> ")
        if not other.endswith(job[-4:]):
            typed.type(f"luzia logs {job[-4:]}\t\n")
            typed.until(f"RAN<logs {job} ?>")


@pytest.mark.parametrize("name", SHELLS)
def test_tab_shows_the_tasks_of_jobs_and_no_task_does_anything(name: str, daemon: PrivateDaemon) -> None:
    with shell(name, daemon) as typed:
        typed.type("luzia cancel \t")
        shown = typed.until('(?=.*sleep 2000)(?=.*sleep 1000 # "it\'s" )')
        assert "\x1b[31mred" not in shown
        assert not any(daemon.root.rglob("pwned"))
