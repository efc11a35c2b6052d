"""Reads and reconciles an attempt's directory, which is authoritative after a crash of any process.

`reconcile` and `read_start_record` block; call them in a thread.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import NamedTuple, TypeVar

import msgspec
from asyncinotify import Inotify, Mask

from luzia_protocol.times import is_moment

from luziad.executor import survivors
from luziad.jobs.attempt import MAX_AMOUNT, AttemptEnd, ExitRecord, LostAttempt, NotStarted
from luziad.supervise import attempt_files, boot_clock

T = TypeVar("T")

_DELETED = "its directory was deleted while it was running"


class LockRecord(msgspec.Struct, frozen=True):
    """The content of the lock: the shim that holds it, or held it last.

    over: no process of its tree was left, except those to be kept. cgroup: the directory of its agent's, if any.
    """

    pid: int
    start_time: int
    boot_id: str
    over: bool = False
    cgroup: str | None = None


class StartRecord(msgspec.Struct, frozen=True):
    """The content of started.json. Without `agent_pid` the agent was just being started.

    boottime_s, awake_s: the clocks of supervise.boot_clock when the agent started.
    """

    boot_id: str
    started_at: float
    boottime_s: float
    awake_s: float | None = None  # missing in records of older shims
    agent_pid: int | None = None
    agent_start_time: int | None = None

    def is_valid(self) -> bool:
        """Whether its values are ones that a shim writes; the job can write to the file as well."""
        amounts = (self.boottime_s, self.awake_s or 0, self.agent_pid or 0, self.agent_start_time or 0)
        return is_moment(self.started_at) and all(0 <= amount < MAX_AMOUNT for amount in amounts)

    @property
    def ran_s(self) -> float:
        """Seconds since the start in which the machine was awake; the start must be in this boot."""
        if self.awake_s is None:
            return boot_clock.boottime_s() - self.boottime_s
        return boot_clock.awake_s() - self.awake_s


class Supervised(NamedTuple):
    """A shim supervises the attempt. None: the record is not written yet."""

    lock_record: LockRecord | None
    started: StartRecord | None


class Finished(NamedTuple):
    """No shim supervises the attempt, nor ever will. `started` is None when the agent did not run."""

    end: AttemptEnd
    started: StartRecord | None


def reconcile(directory: str, why: str | None) -> Supervised | Finished:
    """Determine the state of an attempt, and fence it if it has not started.

    directory: the attempt's. why: the known reason why it did not start or end normally.
    Raises OSError when the directory cannot be read or the fence cannot be written.
    """
    if _create(directory) and survivors.kill_survivors(directory, None):
        why = _DELETED
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        lock = attempt_files.lock(fd)
        if lock is None:
            return Supervised(_read(directory, attempt_files.LOCK, LockRecord), read_start_record(directory))
        try:
            return _find_end(directory, fd, why)
        finally:
            os.close(lock)
    finally:
        os.close(fd)


def _create(directory: str) -> bool:
    """Create the attempt's directory; False when it exists, which is normal."""
    try:
        os.makedirs(os.path.dirname(directory), 0o700, exist_ok=True)
        os.mkdir(directory, 0o700)
    except FileExistsError:
        return False
    return True


def read_start_record(directory: str) -> StartRecord | None:
    """Read started.json of the attempt's directory; None when it does not exist, or cannot be what a shim wrote."""
    started = _read(directory, attempt_files.STARTED, StartRecord)
    return started if started is not None and started.is_valid() else None


def _find_end(directory: str, fd: int, why: str | None) -> Finished:
    started, killed = read_start_record(directory), 0
    if attempt_files.exists(fd, attempt_files.STARTED):
        killed = _kill_survivors(directory, started)
    if attempt_files.exists(fd, attempt_files.EXIT):
        end = _read(directory, attempt_files.EXIT, ExitRecord)
        if end is None or not end.is_valid():
            return Finished(LostAttempt("its exit record cannot be read"), started)
        return Finished(end, started if end.error is None else None)
    if attempt_files.exists(fd, attempt_files.STARTED):
        lost = _lost(started, why)
        if killed:
            processes = "process" if killed == 1 else "processes"
            lost = LostAttempt(f"{lost.reason}; killed {killed} remaining {processes}")
        return Finished(lost, started)
    if not attempt_files.exists(fd, attempt_files.FENCED):
        attempt_files.write_new(fd, attempt_files.FENCED, b"")
    if why == _DELETED:
        return Finished(LostAttempt(why), None)
    return Finished(NotStarted(why or "abandoned before its agent was started"), None)


def _lost(started: StartRecord | None, why: str | None) -> LostAttempt:
    if started is None:
        return LostAttempt("its record of the start cannot be read")
    if started.boot_id != boot_clock.boot_id():
        return LostAttempt("the machine was restarted while it ran")
    return LostAttempt(why or "its shim was killed, so the exit status is unknown")


def _kill_survivors(directory: str, started: StartRecord | None) -> int:
    """Kill the rest of the tree if the shim died in this boot before the end of the tree; returns their number."""
    lock_record = _read(directory, attempt_files.LOCK, LockRecord)
    if lock_record is None or lock_record.over or lock_record.boot_id != boot_clock.boot_id():
        return 0
    leader = None
    if started is not None and started.agent_pid is not None and started.agent_start_time is not None:
        leader = survivors.SessionLeader(started.agent_pid, started.agent_start_time)
    return survivors.kill_survivors(directory, leader, lock_record.cgroup)


def _read(directory: str, name: str, kind: type[T]) -> T | None:
    """Read a record; None when it is missing or incomplete, as a lock's may be."""
    try:
        with open(os.path.join(directory, name), "rb") as file:
            return msgspec.json.decode(file.read(), type=kind)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


async def watch_changes(directory: str) -> AsyncIterator[None]:
    """Yield at once, and after every write to a file of the directory. Raises OSError when it cannot be watched."""
    with Inotify() as events:
        events.add_watch(directory, Mask.MODIFY | Mask.CREATE)
        yield
        async for _ in events:
            yield
