"""What an attempt's directory says: the one source of truth after every crash, of whichever process.

These functions read and write files; call them in a thread.
"""

from __future__ import annotations

import os
from typing import NamedTuple, TypeVar

import msgspec

from luziad.executor import survivors
from luziad.jobs.attempt import AttemptEnd, ExitRecord, LostAttempt, NotStarted
from luziad.supervise import record

T = TypeVar("T")

DELETED = "its directory was deleted while it ran"


class Holder(msgspec.Struct, frozen=True):
    """The content of the lock: the shim that holds it, or held it last.

    over: nothing was left of its tree, or that was to be kept. cgroup: the directory of its agent's, if any.
    """

    pid: int
    start_time: int
    boot_id: str
    over: bool = False
    cgroup: str | None = None


class Started(msgspec.Struct, frozen=True):
    """The content of started.json. Without `agent_pid` the agent is just being started, or was then.

    boottime_s, awake_s: the clocks of supervise.record when the agent started.
    """

    boot_id: str
    started_at: float
    boottime_s: float
    awake_s: float | None = None  # shims of older versions do not tell
    agent_pid: int | None = None
    agent_start_time: int | None = None

    @property
    def ran_s(self) -> float:
        """Seconds since then in which the machine was awake; the agent must have been started in this boot."""
        if self.awake_s is None:
            return record.boottime_s() - self.boottime_s
        return record.awake_s() - self.awake_s


class Held(NamedTuple):
    """A shim is in charge of the attempt; None for what it has not written yet."""

    holder: Holder | None
    started: Started | None


class Over(NamedTuple):
    """No shim is in charge, nor ever will be. `started` is None when the agent did not run."""

    end: AttemptEnd
    started: Started | None


def look(directory: str, why: str | None) -> Held | Over:
    """Find out what became of an attempt, and fence it when it has not started.

    directory: the attempt's. why: what is known already about why it did not start or end as it should.
    Raises OSError when the directory cannot be read or the fence not be written.
    """
    if _make(directory) and survivors.end_all(directory, None):
        why = DELETED
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        lock = record.lock(fd)
        if lock is None:
            return Held(_read(directory, record.LOCK, Holder), read_started(directory))
        try:
            return _judge(directory, fd, why)
        finally:
            os.close(lock)
    finally:
        os.close(fd)


def _make(directory: str) -> bool:
    """Make the attempt's directory; False when it is there, as it mostly is."""
    try:
        os.makedirs(os.path.dirname(directory), 0o700, exist_ok=True)
        os.mkdir(directory, 0o700)
    except FileExistsError:
        return False
    return True


def read_started(directory: str) -> Started | None:
    """Read started.json of the attempt's directory; None when it is not there."""
    return _read(directory, record.STARTED, Started)


def _judge(directory: str, fd: int, why: str | None) -> Over:
    started, ended = read_started(directory), 0
    if record.exists(fd, record.STARTED):
        ended = _end_survivors(directory, started)
    if record.exists(fd, record.EXIT):
        end = _read(directory, record.EXIT, ExitRecord)
        if end is None:
            return Over(LostAttempt("its exit record cannot be read"), started)
        return Over(end, started if end.error is None else None)
    if record.exists(fd, record.STARTED):
        lost = _lost(started, why)
        return Over(
            LostAttempt(f"{lost.reason}; {ended} of its processes were left, and ended") if ended else lost, started
        )
    if not record.exists(fd, record.FENCED):
        record.write_new(fd, record.FENCED, b"")
    if why == DELETED:
        return Over(LostAttempt(why), None)
    return Over(NotStarted(why or "it was given up before its agent was started"), None)


def _lost(started: Started | None, why: str | None) -> LostAttempt:
    if started is None:
        return LostAttempt("its record of the start cannot be read")
    if started.boot_id != record.boot_id():
        return LostAttempt("the machine was restarted while it ran")
    return LostAttempt(why or "its shim was killed, and with it went the exit status")


def _end_survivors(directory: str, started: Started | None) -> int:
    """End what is left of the tree when the shim died in this boot before it had seen the end of it; how many."""
    holder = _read(directory, record.LOCK, Holder)
    if holder is None or holder.over or holder.boot_id != record.boot_id():
        return 0
    leader = None
    if started is not None and started.agent_pid is not None and started.agent_start_time is not None:
        leader = survivors.Leader(started.agent_pid, started.agent_start_time)
    return survivors.end_all(directory, leader, holder.cgroup)


def _read(directory: str, name: str, kind: type[T]) -> T | None:
    """Read a record; None when it is missing, or not written yet as a lock's may be."""
    try:
        with open(os.path.join(directory, name), "rb") as file:
            return msgspec.json.decode(file.read(), type=kind)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
