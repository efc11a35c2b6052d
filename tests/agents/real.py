"""A real agent that is run by a luzia of the test's own and talks to a stub model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from luzia_protocol.jobs import Attempt, Job, Outcome

import private_luzia
from agents.setups import lead_to
from agents.stub.server import StubModel
from luziad.agents.base import OutputSummary
from luziad.jobs.attempt import Verdict
from private_luzia import PrivateLuzia

WAIT_S = 240.0
"""How long a job may take before a test gives up on it: agents start slowly on a busy machine."""

TASK = "Write a file hello.txt with a short greeting."


class Process(NamedTuple):
    """A process that cannot be taken for a later one of the same number."""

    pid: int
    start_time: str


class _Replay(msgspec.Struct):
    verdict: Verdict
    understanding: OutputSummary


class RealAgent:
    """name: of the agent. luzia: the one that runs it, in the project `real`. model: what answers the agent."""

    def __init__(self, name: str, program: Path, luzia: PrivateLuzia, model: StubModel) -> None:
        self.name, self.luzia, self.model = name, luzia, model
        self.home = home = Path(luzia.root) / "home"
        for directory in (home, home / "tmp"):
            directory.mkdir()
        for variable in [name for name in luzia.env if name.startswith("XDG_")]:
            del luzia.env[variable]
        luzia.env |= {"HOME": str(home), "TMPDIR": str(home / "tmp"), "PATH": f"{program}:{luzia.env['PATH']}"}
        variables = lead_to(name, model.url, home)
        lines = ["[projects.real]", f'path = "{luzia.project}"', f'agent = "{name}"', "grace_s = 5", "retries = 0"]
        lines += ["[projects.real.env]"]
        lines += [f'{name} = "{value}"' for name, value in variables.items()]
        Path(luzia.env["LUZIA_CONFIG"]).write_text("\n".join(lines) + "\n")
        self.client = luzia.client()

    def dispatch(self, scenario: str, *options: str) -> str:
        """Dispatch a task under a scenario of the stub model; returns the job's id."""
        done = self.luzia.run("dispatch", *options, "real", f"{TASK} stub:{scenario}")
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip().rpartition(":")[2]

    def ask_first(self) -> None:
        """Let the agent ask for all but what `allow` names."""
        self.configure("grace_s = 5\n", 'grace_s = 5\nask = true\nallow = ["Read"]\n')

    def configure(self, old: str, new: str, more: str = "") -> None:
        """Replace a part of the configuration, and add `more` at its end."""
        file = Path(self.luzia.env["LUZIA_CONFIG"])
        file.write_text(f"{file.read_text().replace(old, new)}{more}")
        self.client.reload_config()

    def know_the_project(self) -> None:
        """Spare Claude Code the questions of its first start in a terminal."""
        known = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
        first = {"hasCompletedOnboarding": True, "theme": "dark", "projects": {self.luzia.project: known}}
        file = self.home / ".claude.json"
        there = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(there | first))

    def ended(self, job: str) -> Job:
        """The job when it is final."""
        (last,) = self.client.wait([job], timeout_s=WAIT_S).jobs
        assert last.state.is_final, f"{self.name} still runs: {self.output(job)}"
        return self.client.get_job(job)

    def judged(self, job: str) -> Attempt:
        """The first attempt, when it has ended; an overloaded server has luzia try again later."""
        until(
            lambda: [each for each in self.client.get_job(job).attempts if each.outcome], "the first attempt has ended"
        )
        return self.client.get_job(job).attempts[0]

    def output(self, job: str, stream: str = "stdout") -> str:
        """What the newest attempt printed."""
        status = self.client.get_job(job)
        return (Path(status.directory or "") / str(status.attempt) / stream).read_text(errors="replace")

    def understood(self, job: Job) -> OutputSummary:
        """What `luzia agents read` makes of the job's output; its verdict must be the one that luzia gave."""
        attempt = Path(job.directory or "") / str(job.attempt)
        ended = [f"--signal={job.signal}"] if job.signal else [f"--exit={job.exit_code}"]
        files = [f"--stdout={attempt / 'stdout'}", f"--stderr={attempt / 'stderr'}"]
        done = self.luzia.run("agents", "read", job.agent, *files, *ended, "--json")
        assert done.returncode == 0, done.stderr
        replay = msgspec.json.decode(done.stdout, type=_Replay)
        if job.outcome in (Outcome.COMPLETED, Outcome.FAILED):  # otherwise luzia ended it, for a reason of its own
            assert replay.verdict == Verdict(job.outcome, job.reason)
        return replay.understanding

    def tree(self, job: str) -> set[Process]:
        """The processes of a job: its agent, all descendants of it, and what else has the job's variables."""
        root = self.client.get_job(job).pid
        processes = _processes()
        parents = {pid: parent for pid, (parent, _) in processes.items()}
        return {
            Process(pid, start_time)
            for pid, (_, start_time) in processes.items()
            if _descends(pid, root, parents) or f"LUZIA_JOB_ID={job}".encode() in _environment(pid)
        }

    def wait_until_the_tool_runs(self, job: str) -> set[Process]:
        """The job's processes, once the command of `stub:tree` and all its children run."""
        until(lambda: sum(_sleeps(each.pid) for each in self.tree(job)) == 3, f"three sleeping: {self.tree(job)}")
        return self.tree(job)


def until(holds: Callable[[], object], what: str) -> None:
    """Wait until something holds, as long as agents may need."""
    private_luzia.until(holds, what, WAIT_S)


def alive(processes: set[Process]) -> list[str]:
    """The command lines of those that still run."""
    now = _processes()
    left = [each for each in processes if each.pid in now and now[each.pid][1] == each.start_time]
    return [f"{each.pid} {_read(each.pid, 'cmdline')!r}" for each in left]


def _processes() -> dict[int, tuple[int, str]]:
    """Parent and start time of every process that is no zombie."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := _read(int(name), "stat")):
            state, parent, *more = stat.rpartition(b")")[2].decode().split()
            if state != "Z":
                found[int(name)] = (int(parent), more[17])
    return found


def _descends(pid: int, root: int | None, parents: dict[int, int]) -> bool:
    while pid in parents and pid != root:
        pid = parents[pid]
    return root is not None and pid == root


def _sleeps(pid: int) -> bool:
    """Whether it is a command of `stub:tree`, and not a shell that will run one."""
    return _read(pid, "cmdline").endswith(b"\0-c\0import time; time.sleep(600)\0")


def _environment(pid: int) -> list[bytes]:
    return _read(pid, "environ").split(b"\0")


def _read(pid: int, file: str) -> bytes:
    """A file of a process; empty when it has just ended, or is none of ours."""
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""
