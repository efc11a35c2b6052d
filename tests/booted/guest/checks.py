"""Runs the checks of a boot in the guest, in their order, and writes a line for each into /ci/report.

The guest has no other modules than those of its Python. A check is a public function of a module that is named on the
command line; its name is what must hold.
"""

from __future__ import annotations

import importlib
import json
import os
import pwd
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType
from typing import Any

DEADLINE_S = float(os.environ.get("DEADLINE_S", "60"))
"""Of each wait. A virtual machine without KVM has a longer one."""
ANY = -1


def run(*argv: str, user: str = "root", status: int | None = 0, **options: Any) -> str:
    """Run a program as a user with a login's environment; returns its output, stderr included.

    status: the exit status that it must have; None is any but 0, and ANY is any.
    """
    words = list(argv) if user == "root" else ["runuser", "-l", user, "-c", " ".join(map(_quoted, argv))]
    options = {"timeout": DEADLINE_S, **options}
    result = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    fits = status == ANY or (result.returncode != 0 if status is None else result.returncode == status)
    assert fits, f"{' '.join(argv)} ended with {result.returncode}:\n{result.stdout}"
    return str(result.stdout)


def dispatch(task: str, *options: str, user: str = "root", directory: str = "/srv/work", agent: str = "shell") -> str:
    """Dispatch a task, a shell command by default; returns the job's id."""
    output = run("luzia", "dispatch", "--json", "--agent", agent, *options, directory, task, user=user)
    return str(json.loads(output)["job"])


def job(name: str, user: str = "root") -> dict[str, Any]:
    """What `luzia jobs` says of a job."""
    return dict(json.loads(run("luzia", "jobs", name, "--json", user=user)))


def systemd_version() -> int:
    """The version of the systemd that runs."""
    return int(run("systemctl", "--version").split()[1])


def unit(name: str, key: str) -> str:
    """A property of a unit."""
    return run("systemctl", "show", "--value", "--property", key, name).strip()


def is_active(name: str) -> bool:
    """Whether a unit is active."""
    return run("systemctl", "is-active", name, status=ANY).strip() == "active"


def daemon_of(user: str) -> int:
    """The process id of the daemon of a user's service, or of the system's for root; it must be active."""
    assert run("systemctl", *manager_of(user), "is-active", "luziad.service", user=user).strip() == "active"
    return int(json.loads(run("luzia", "daemon", "status", "--json", user=user))["pid"])


def manager_of(user: str) -> tuple[str, ...]:
    """The options of systemctl for the manager of a user's service."""
    return () if user == "root" else ("--user",)


def processes_of(user: str) -> list[str]:
    """The commands of a user's processes."""
    uid = pwd.getpwnam(user).pw_uid
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if directory.stat().st_uid == uid:
                found.append((directory / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except FileNotFoundError:
            continue  # it has just ended
    return found


def follow(title: str, block: int = 1, *, user: str = "alice", directory: str = ".", **options: Any) -> str:
    """Run a block of commands of the page "As a service", each of which must succeed; returns their output.

    title: of its section. block: its number there, from 1. directory: where, from the user's home directory.
    """
    script = json.loads(Path("/ci/page.json").read_text())[title][block - 1]
    options = {"timeout": 2 * DEADLINE_S, **options}
    return run("bash", "-euc", f"cd {directory}\n{script}", user=user, **options)


def install(pattern: str) -> None:
    """Install a package as the page says, in a clone where the one with such a file name has just been built."""
    dist = Path("/home/alice/luzia/dist")
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    (package,) = Path("/ci").glob(pattern)
    shutil.copy(package, dist)
    follow("The system service from a package", 2, directory="luzia")


@contextmanager
def started(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs in the background until it ends or the block does."""
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield process
        process.kill()


def main_pid() -> str:
    """The process id of the system's daemon; 0 without one."""
    return unit("luziad.service", "MainPID")


def wait_until(holds: Callable[[], object], what: str, timeout_s: float = DEADLINE_S) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.05)


def journal(*options: str) -> str:
    """The messages of the system's daemon in this boot."""
    run("journalctl", "--sync")
    return run("journalctl", "--boot", "--output=cat", "--no-pager", "--unit=luziad.service", *options)


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def main() -> int:
    """Run the checks of the modules until one fails; then the exit status is 1. Each builds on those before it."""
    with open("/ci/report", "a", encoding="utf-8") as report:
        for module in map(importlib.import_module, sys.argv[1:]):
            for name, check in vars(module).items():
                if not isinstance(check, FunctionType) or name.startswith("_") or check.__module__ != module.__name__:
                    continue
                started_at = time.monotonic()
                try:
                    check()
                except Exception:
                    report.write(f"FAILED {name}\n{traceback.format_exc()}{_end_of_journal()}")
                    return 1
                report.write(f"ok {name.replace('_', ' ')} ({time.monotonic() - started_at:.1f} s)\n")
                report.flush()
        report.write("passed\n")
    return 0


def _end_of_journal() -> str:
    return run("journalctl", "--boot", "--no-pager", "--lines=80", status=ANY)


if __name__ == "__main__":
    sys.exit(main())
