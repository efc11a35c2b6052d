"""Reads and reconciles an attempt's directory, which is authoritative after a crash of any process.

`reconcile` and `read_start_record` block; call them in a thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Annotated, NamedTuple, TypeVar

import msgspec

from luzia_protocol.times import is_moment

from luziad.executor import survivors
from luziad.jobs.attempt import MAX_AMOUNT, AttemptEnd, ExitRecord, LostAttempt, NotStarted
from luziad.supervise import attempt_files, boot_clock, tree
from luziad.supervise.regular_files import UnusableFile, open_directory, read_regular

T = TypeVar("T")

_DELETED = "its directory was deleted while it was running"
_REPLACED = "its directory was replaced while it was running"
_NOT_A_DIRECTORY = (errno.ENOTDIR, errno.ELOOP, errno.EISDIR)
"""Errors that no later try will not have."""

_MAX_RECORD_BYTES = 64 * 1024
"""More than any record that a shim writes."""


Pid = Annotated[int, msgspec.Meta(ge=1, lt=1 << 31)]


class LockRecord(msgspec.Struct, frozen=True):
    """The content of the lock: the shim that holds it, or held it last.

    over: no process of its tree was left, except those to be kept. cgroup: the directory of its agent's, if any.
    """

    pid: Pid
    start_time: int
    boot_id: str
    over: bool = False
    cgroup: str | None = None


class StartRecord(msgspec.Struct, frozen=True):
    """The content of started.json. Without `agent_pid` the agent was just being started.

    boottime_s, awake_s: the clocks of supervise.boot_clock when the agent started. pid, start_time, cgroup: as in the
    lock.
    """

    boot_id: str
    started_at: float
    boottime_s: float
    awake_s: float | None = None  # missing in records of older shims
    agent_pid: Pid | None = None
    agent_start_time: int | None = None
    pid: Pid | None = None
    start_time: int | None = None
    cgroup: str | None = None

    @property
    def lock_record(self) -> LockRecord | None:
        """What the shim has written into its lock, which the job may have replaced."""
        if self.pid is None or self.start_time is None:
            return None
        return LockRecord(self.pid, self.start_time, self.boot_id, cgroup=self.cgroup)

    def is_valid(self) -> bool:
        """Whether its values are ones that a shim writes; the job can write to the file as well."""
        times = (self.agent_start_time or 0, self.start_time or 0)
        amounts = (self.boottime_s, self.awake_s or 0, self.agent_pid or 0, *times)
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


def reconcile(directory: str, why: str | None, *, start_failed: bool = False) -> Supervised | Finished:
    """Determine the state of an attempt, and fence it if it has not started.

    directory: the attempt's. why: the known reason why it did not start or end normally. start_failed: its shim has
    reported that it did not start.
    Raises OSError when the directory cannot be read or the fence cannot be written, which may change.
    """
    try:
        if _create(directory) and survivors.kill_survivors(directory, None):
            why = _DELETED
        fd = _open(directory)
    except OSError as error:
        if error.errno not in _NOT_A_DIRECTORY:
            raise
        survivors.kill_survivors(directory, None)
        return Finished(NotStarted(why) if why and start_failed else LostAttempt(why or _REPLACED), None)
    try:
        return _reconcile(directory, fd, why)
    finally:
        os.close(fd)


def end_by_force(directory: str, shim: tuple[int, int | None] | None, why: str) -> Finished:
    """End an attempt whose shim does not: kill the shim and all processes of its tree.

    shim: its process and start time, if it is known. why: the reason to record if it is unknown how the agent ended.
    """
    started, record = None, None
    with contextlib.suppress(OSError):  # its processes are found without the records, too
        started = read_start_record(directory)
        record = _read(directory, attempt_files.LOCK, LockRecord) or _shim(started)
    if shim is None and record is not None and record.boot_id == boot_clock.boot_id():
        shim = record.pid, record.start_time
    if shim is not None:
        survivors.kill_process(*shim)
    survivors.kill_survivors(directory, _leader(started), None if record is None else record.cgroup)
    try:
        found = reconcile(directory, why)
    except OSError:  # it is not known how the agent ended
        return Finished(LostAttempt(why), started)
    return found if isinstance(found, Finished) else Finished(LostAttempt(why), started)


def _reconcile(directory: str, fd: int, why: str | None) -> Supervised | Finished:
    started = read_start_record(directory)
    try:
        lock = attempt_files.lock(fd)
    except UnusableFile:
        lock = None
    else:
        if lock is None:
            return Supervised(_read(directory, attempt_files.LOCK, LockRecord) or _shim(started), started)
    try:
        if _is_running(shim := _shim(started)):  # it holds another lock: the job has replaced the file
            return Supervised(shim, started)
        return _find_end(directory, fd, why)
    finally:
        if lock is not None:
            os.close(lock)


def _shim(started: StartRecord | None) -> LockRecord | None:
    return None if started is None else started.lock_record


def _is_running(shim: LockRecord | None) -> bool:
    if shim is None or shim.boot_id != boot_clock.boot_id():
        return False
    process = tree.read(shim.pid)
    return process is not None and process.start_time == shim.start_time and process.state not in "ZX"


def _open(directory: str) -> int:
    """Open the attempt's directory; if the job has taken away its own permission, restore it. Raises OSError."""
    try:
        return open_directory(directory)
    except PermissionError:
        found = os.lstat(directory)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise
        os.chmod(directory, 0o700)
        return open_directory(directory)


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
            reason = "its exit record cannot be read"  # or it was being synced when the power failed
            return Finished(LostAttempt(reason) if started is None else _lost(started, reason), started)
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
    lock_record = _read(directory, attempt_files.LOCK, LockRecord) or _shim(started)
    if lock_record is None:  # the job has replaced it
        return survivors.kill_survivors(directory, None)
    if lock_record.over or lock_record.boot_id != boot_clock.boot_id():
        return 0
    return survivors.kill_survivors(directory, _leader(started), lock_record.cgroup)


def _leader(started: StartRecord | None) -> survivors.SessionLeader | None:
    if started is None or started.agent_pid is None or started.agent_start_time is None:
        return None
    return survivors.SessionLeader(started.agent_pid, started.agent_start_time)


def _read(directory: str, name: str, kind: type[T]) -> T | None:
    """Read a record; None when it is missing, incomplete, as a lock's may be, or replaced by the job."""
    try:
        return msgspec.json.decode(read_regular(os.path.join(directory, name), _MAX_RECORD_BYTES), type=kind)
    except (FileNotFoundError, NotADirectoryError, UnusableFile, msgspec.DecodeError):
        return None
