"""What `luzia init` and a logout do: a user logs in at a terminal, with a password."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from checks import ANY, DEADLINE_S, job, processes_of, run, wait_until

USER, PASSWORD = "dave", "a password of dave"


def init_installs_the_service_and_says_who_can_let_it_continue_after_the_logout() -> None:
    run("useradd", "--create-home", "--shell", "/bin/bash", USER)
    run("chpasswd", input=f"{USER}:{PASSWORD}\n")
    with _login() as enter:
        told = enter("luzia init --yes")
        assert "This requires an administrator: sudo loginctl enable-linger" in told
        for unit in ("luziad.socket", "luziad.service"):
            assert "active enabled" in enter(
                f"echo $(systemctl --user is-active {unit}; systemctl --user is-enabled {unit})"
            )
        assert "Service: luziad is a service of systemd already" in enter("luzia init --yes")


def the_first_dispatch_says_that_a_logout_ends_the_jobs_and_it_does() -> None:
    with _login() as enter:
        assert "systemd kills luziad and all jobs when you log out" in _dispatch(enter)
        assert "systemd kills luziad" not in _dispatch(enter)
    wait_until(lambda: processes_of(USER) == [], "no process of the user is left")
    with _login() as enter:
        enter("systemctl --user start luziad.service")
        wait_until(lambda: [job(each, USER)["state"] for each in _jobs()] == ["lost", "lost"], "both jobs are lost")


def jobs_of_a_user_who_lingers_continue_after_the_logout() -> None:
    run("loginctl", "enable-linger", USER)
    with _login() as enter:
        assert "already" in enter("luzia init --yes")
        before = enter("systemctl --user show --property MainPID luziad.service")
        _dispatch(enter)
    wait_until(lambda: "State=lingering" in run("loginctl", "show-user", USER), "the session has ended")
    assert "running" in [job(each, USER)["state"] for each in _jobs()]
    assert run("systemctl", "--user", "show", "--property", "MainPID", "luziad.service", user=USER).strip() in before
    assert "continue when you log out" in run("luzia", "doctor", user=USER, status=ANY)
    run("luzia", "cancel", "@running", user=USER)


def _dispatch(enter: Callable[[str], str]) -> str:
    return enter("luzia dispatch --agent shell /tmp 'sleep 600'")


def _jobs() -> list[str]:
    return [json.loads(line)["id"] for line in run("luzia", "jobs", "--all", "--json", user=USER).splitlines()]


@contextmanager
def _login() -> Iterator[Callable[[str], str]]:
    """Log in at a terminal; the function enters a command in the login shell and returns what the terminal shows."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("login", ["login", USER])
    _read(terminal, r"Password: ")
    os.write(terminal, f"{PASSWORD}\n".encode())
    _read(terminal, r"\$ ")

    def enter(command: str) -> str:
        os.write(terminal, f"{command}; echo end=$?\n".encode())
        return _read(terminal, r"end=\d+")

    yield enter
    os.write(terminal, b"exit\n")
    os.waitpid(pid, 0)
    os.close(terminal)


def _read(terminal: int, pattern: str) -> str:
    """What the terminal shows until there is this pattern."""
    shown, deadline = "", time.monotonic() + DEADLINE_S
    while not re.search(pattern, shown):
        assert time.monotonic() < deadline, f"not on the terminal: {pattern}; only: {shown}"
        readable, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        if not readable:
            continue
        try:
            shown += os.read(terminal, 65536).decode(errors="replace")
        except OSError:
            time.sleep(0.05)  # login hangs the terminal up, and opens it again
    return shown
