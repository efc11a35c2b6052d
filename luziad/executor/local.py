"""Runs attempts on this machine: requests shims from the fork server, and watches them until they end.

An attempt's directory is authoritative. Replies from the fork server and the shims only save time: after any failure,
`attempt_directory.reconcile` determines the state of an attempt, and this module acts on it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import json
import logging
import os
import re
import signal

import msgspec

from luzia_protocol.jobs import Bounds

from luziad.executor import attempt_directory, pidfd, survivors
from luziad.executor.attempt_directory import Finished, StartRecord, Supervised, read_start_record
from luziad.executor.base import AttemptObserver, ChangeWatcher, Launch
from luziad.executor.cgroup_controllers import CgroupControllers
from luziad.executor.deletion import Deletions
from luziad.executor.fork_server_client import ForkServerClient, Reply
from luziad.jobs.attempt import AttemptRef, ExitRecord, NotStarted
from luziad.jobs.directories import JobDirectories
from luziad.supervise import agent_stdin, attempt_files, boot_clock
from luziad.supervise.system_errors import is_shortage

log = logging.getLogger(__name__)

_JOB_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")
_STREAMS = frozenset((attempt_files.STDOUT, attempt_files.STDERR))
_FIRST_RETRY_S = 0.02
_MAX_RETRY_S = 30.0

KILL_DELAY_S = 15.0
"""How long after the grace time an attempt may take to end; then its shim is stopped, or its directory is unusable."""


class _Attempt(msgspec.Struct, eq=False):
    """An attempt that has not ended.

    pidfd: its shim, while it is watched. started: the observer knows of its start. cancel_requested: send SIGTERM as
    soon as the shim is known. pending_signal: send this signal, too. failure: the known reason of a failure.
    reported_end: how it ended, if the shim could report that but not record it. start_watch: waits for its start.
    start_failed: it is known that its agent did not start; shortage: because the machine lacks something.
    problem: why it is not known what became of it, or whether it can still start; None when nothing is wrong.
    grace_s: from TERM to KILL. kill_timer: ends it by force.
    shim: the process and start time of its shim.
    """

    ref: AttemptRef
    directory: str
    grace_s: float
    pidfd: int | None = None
    shim: tuple[int, int | None] | None = None
    kill_timer: asyncio.TimerHandle | None = None
    started: bool = False
    cancel_requested: bool = False
    pending_signal: signal.Signals | None = None
    failure: str | None = None
    start_failed: bool = False
    shortage: bool = False
    reported_end: ExitRecord | None = None
    problem: str | None = None
    retry_delay_s: float = _FIRST_RETRY_S
    start_watch: asyncio.Task[None] | None = None


class LocalExecutor:
    """The Executor of this machine (see base.py).

    jobs_dir: the directory of new jobs. directories: of all jobs. watcher: tells of writes to the files of an attempt.
    pool: for short file operations; slow_pool: for deletions; None takes the loop's.

    Every submit or attach of an attempt that is not yet active leads to exactly one `attempt_ended`.
    """

    def __init__(
        self,
        jobs_dir: str,
        directories: JobDirectories,
        watcher: ChangeWatcher,
        pool: concurrent.futures.Executor | None = None,
        slow_pool: concurrent.futures.Executor | None = None,
    ) -> None:
        self._jobs_dir = os.path.abspath(jobs_dir)
        self._directories = directories
        self._watcher = watcher
        self._pool = pool
        self._slow_pool = slow_pool
        self._deletions = Deletions(slow_pool)
        self._fork_server = ForkServerClient(self._replied, self._request_lost, self._report_shortage)
        self._controllers = CgroupControllers()
        self._attempts: dict[AttemptRef, _Attempt] = {}
        self._stopped = False
        self._loop: asyncio.AbstractEventLoop
        self._observer: AttemptObserver

    async def start(self, observer: AttemptObserver) -> None:
        """Prepare to run attempts. Raises OSError when the directory or the fork server is unavailable."""
        self._loop = asyncio.get_running_loop()
        self._observer = observer
        os.makedirs(self._jobs_dir, 0o700, exist_ok=True)
        await self._fork_server.start()
        self._deletions.sweep(self._directories.all)

    @property
    def fork_server_pid(self) -> int | None:
        """The fork server's process, None while it is not running."""
        return self._fork_server.pid

    @functools.cached_property
    def limits_problem(self) -> str | None:
        """Which limits of a job cannot be enforced, and why; None when all can."""
        return self._controllers.problem()

    async def stop(self) -> None:
        """Stop watching and starting attempts; running ones continue."""
        self._stopped = True
        for attempt in self._attempts.values():
            self._unwatch(attempt)
            _stop_timer(attempt)
        self._attempts.clear()
        self._deletions.close()
        await self._fork_server.stop()

    def unsupported_reason(self, bounds: Bounds) -> str | None:
        """Why these limits cannot be enforced; None when they can."""
        return self._controllers.unsupported_reason(bounds)

    def submit(self, launch: Launch) -> None:
        """Start an attempt, at most once ever. Call this only after `starting` is committed."""
        attempt = self._add(launch.ref, launch.grace_s)
        if attempt is None:
            return
        request = msgspec.structs.asdict(launch)
        del request["ref"], request["remote"]
        if launch.bounds is not None:
            self._controllers.unsupported_reason(launch.bounds)  # enables controllers; a shim that lacks one reports it
            request["bounds"] = msgspec.structs.asdict(launch.bounds)
        request.update(job=attempt.ref.job, attempt=attempt.ref.attempt, directory=attempt.directory)
        request["env"] = {**launch.env, survivors.ATTEMPT_VARIABLE: attempt.directory}
        # The standard library's JSON supports file names that are not UTF-8 (lone surrogates).
        self._fork_server.send(attempt.ref, json.dumps(request).encode() + b"\n")

    def attach(self, ref: AttemptRef, grace_s: float) -> None:
        """Find an attempt that is active according to the store, and watch it or report its end."""
        attempt = self._add(ref, grace_s)
        if attempt is not None:
            self._reconcile(attempt)

    def cancel(self, ref: AttemptRef) -> None:
        """End the attempt: TERM, grace time, KILL to its whole process tree. Idempotent."""
        attempt = self._attempts.get(ref)
        if attempt is None:
            return
        attempt.cancel_requested = True
        if attempt.kill_timer is None:
            delay_s = attempt.grace_s + KILL_DELAY_S
            attempt.kill_timer = self._loop.call_later(delay_s, self._end_by_force, attempt)
        if attempt.pidfd is not None:
            _terminate(attempt.pidfd)
        elif self._fork_server.withdraw(ref):
            attempt.failure, attempt.start_failed = "cancelled before it started", True
            self._reconcile(attempt)

    def _end_by_force(self, attempt: _Attempt) -> None:
        log.error("attempt_does_not_end job=%s attempt=%d", *attempt.ref)
        why = attempt.failure or "its shim did not end it when it was cancelled, and was killed"
        attempt.failure = why
        work = functools.partial(attempt_directory.end_by_force, attempt.directory, attempt.shim, why)
        done = functools.partial(self._reconciled, attempt)
        self._loop.run_in_executor(self._slow_pool, work).add_done_callback(done)

    def pause(self, ref: AttemptRef) -> None:
        """Suspend the attempt until it is resumed or cancelled. Idempotent."""
        self._send_signal(ref, signal.SIGTSTP)

    def resume(self, ref: AttemptRef) -> None:
        """Resume the attempt. Idempotent."""
        self._send_signal(ref, signal.SIGCONT)

    def _send_signal(self, ref: AttemptRef, number: signal.Signals) -> None:
        attempt = self._attempts.get(ref)
        if attempt is None:
            return
        if attempt.pidfd is not None:
            pidfd.send(attempt.pidfd, number)
        else:
            attempt.pending_signal = number

    def problem(self, ref: AttemptRef) -> str | None:
        """Why it is not known what became of an attempt; None when nothing is wrong."""
        attempt = self._attempts.get(ref)
        return None if attempt is None else attempt.problem

    async def write_stdin(self, ref: AttemptRef, line: str) -> None:
        """Write a line to an agent that was started with a `first_line`. Raises OSError when it is not delivered."""
        work = functools.partial(agent_stdin.write_line, self._directory(ref), line.encode() + b"\n")
        await self._loop.run_in_executor(self._pool, work)

    def close_stdin(self, ref: AttemptRef) -> None:
        """Close the stdin of such an agent."""
        attempt = self._attempts.get(ref)
        if attempt is not None and attempt.pidfd is not None:
            pidfd.send(attempt.pidfd, signal.SIGUSR1)

    def output_path(self, ref: AttemptRef, stream: str) -> str:
        """The file of the attempt's `stdout` or `stderr`; it need not exist yet."""
        if stream not in _STREAMS:
            raise ValueError(f"unknown stream '{stream}'")
        return os.path.join(self._directory(ref), stream)

    def output_paths(self, ref: AttemptRef) -> list[str]:
        """The files of all its streams; they need not exist yet."""
        return [self.output_path(ref, stream) for stream in sorted(_STREAMS)]

    def job_directory(self, job: str) -> str:
        """The job's directory; it need not exist. Raises ValueError for an invalid job id."""
        if not _JOB_ID.fullmatch(job):
            raise ValueError(f"invalid job id '{job}'")
        return self._directories.find(job)

    def delete_job(self, job: str) -> asyncio.Future[str | None]:
        """Delete the job's directory; the result is why it could not be deleted yet. Its attempts must have ended."""
        directory = self.job_directory(job)
        self._directories.forget(job)
        return self._deletions.delete(directory)

    def attempt_directory(self, ref: AttemptRef) -> str:
        """The directory of an attempt; it need not exist."""
        return self._directory(ref)

    def _replied(self, reply: Reply) -> None:
        """Process a line from the fork server or a shim."""
        attempt = self._attempts.get(reply.ref)
        if attempt is None:
            return
        if reply.problem is not None:
            log.warning("attempt_has_problem job=%s attempt=%d problem=%s", *attempt.ref, reply.problem)
        if reply.error is not None:
            attempt.failure, attempt.reported_end = reply.error, reply.end
            attempt.start_failed = reply.end is None and not attempt.started
            attempt.shortage = attempt.start_failed and reply.shortage
        if reply.agent_pid is not None:
            self._report_start(attempt, reply.agent_pid, reply.started_at, 0.0)
        if reply.refused is not None:
            attempt.failure, attempt.start_failed, attempt.shortage = reply.refused, True, reply.shortage
            self._reconcile(attempt)
        elif reply.pid is not None and not self._watch(attempt, reply.pid, reply.start_time):
            self._loop.call_soon(self._shim_ended, attempt)  # not now: the next line may have the reason

    def _request_lost(self, ref: AttemptRef) -> None:
        """The fork server died with this request; the attempt's directory shows whether a shim was forked."""
        attempt = self._attempts.get(ref)
        if attempt is not None and attempt.pidfd is None:
            self._reconcile(attempt)

    def _directory(self, ref: AttemptRef) -> str:
        if ref.attempt < 1:
            raise ValueError(f"invalid attempt number {ref.attempt}")
        return os.path.join(self.job_directory(ref.job), str(int(ref.attempt)))

    def _add(self, ref: AttemptRef, grace_s: float) -> _Attempt | None:
        directory = self._directory(ref)
        if ref in self._attempts or self._stopped:
            return None  # an attempt committed while the daemon stops is started by the next one
        attempt = self._attempts[ref] = _Attempt(ref, directory, grace_s)
        return attempt

    def _watch(self, attempt: _Attempt, pid: int, start_time: int | None) -> bool:
        """Watch the shim until it ends; False when it has already ended or cannot be watched."""
        if attempt.pidfd is not None:
            return True
        try:
            attempt.pidfd = pidfd.open_process(pid, start_time)
        except OSError as error:
            log.error("shim_not_watched job=%s attempt=%d error=%s", *attempt.ref, error)
        if attempt.pidfd is None:
            return False
        attempt.shim = pid, start_time
        self._loop.add_reader(attempt.pidfd, self._shim_ended, attempt)
        if attempt.pending_signal is not None:
            pidfd.send(attempt.pidfd, attempt.pending_signal)
        if attempt.cancel_requested:
            _terminate(attempt.pidfd)
        return True

    def _unwatch(self, attempt: _Attempt) -> None:
        if attempt.pidfd is not None:
            self._loop.remove_reader(attempt.pidfd)
            os.close(attempt.pidfd)
            attempt.pidfd = None
        if attempt.start_watch is not None:
            attempt.start_watch.cancel()
            attempt.start_watch = None

    def _shim_ended(self, attempt: _Attempt) -> None:
        self._fork_server.read_replies()
        self._unwatch(attempt)
        self._reconcile(attempt)

    def _reconcile(self, attempt: _Attempt) -> None:
        if self._is_current(attempt):
            work = functools.partial(
                attempt_directory.reconcile, attempt.directory, attempt.failure, start_failed=attempt.start_failed
            )
            done = functools.partial(self._reconciled, attempt)
            self._loop.run_in_executor(self._pool, work).add_done_callback(done)

    def _reconcile_later(self, attempt: _Attempt) -> None:
        """Reconcile again after an increasing delay: a free lock or disk space cause no event."""
        self._loop.call_later(attempt.retry_delay_s, self._reconcile, attempt)
        attempt.retry_delay_s = min(attempt.retry_delay_s * 2, _MAX_RETRY_S)

    def _reconciled(self, attempt: _Attempt, future: asyncio.Future[Supervised | Finished]) -> None:
        error = future.exception()
        if not self._is_current(attempt):
            return
        if error is not None:
            log.error("attempt_not_read job=%s attempt=%d error=%s", *attempt.ref, error)
            attempt.problem = f"its directory cannot be used: {error}; luziad tries again by itself"
            self._report_shortage(error)
            self._reconcile_later(attempt)
            return
        attempt.problem = None
        found = future.result()
        self._report_recorded_start(attempt, found.started)
        if isinstance(found, Supervised):
            self._watch_adopted(attempt, found)
            return
        self._unwatch(attempt)
        _stop_timer(attempt)
        del self._attempts[attempt.ref]
        end = found.end
        if isinstance(end, NotStarted) and attempt.shortage:
            end = NotStarted(end.reason, is_shortage=True)
        reported = None if isinstance(end, ExitRecord) else attempt.reported_end
        self._observer.attempt_ended(attempt.ref, reported or end)

    def _report_shortage(self, error: BaseException) -> None:
        if is_shortage(error):
            self._observer.start_hindered(str(error))

    def _watch_adopted(self, attempt: _Attempt, found: Supervised) -> None:
        """Watch a shim of an earlier fork server or daemon."""
        lock_record = found.lock_record
        if lock_record is None or not self._watch(attempt, lock_record.pid, lock_record.start_time):
            self._reconcile_later(attempt)  # it is just writing the lock record, or releasing the lock
        elif not attempt.started and attempt.start_watch is None:
            attempt.start_watch = self._loop.create_task(self._await_start(attempt))

    async def _await_start(self, attempt: _Attempt) -> None:
        """Report the start of an adopted attempt. If it cannot be watched, the end reports it."""
        written = asyncio.Event()
        try:
            stop_watching = self._watcher.watch(attempt.directory, written.set)
        except OSError as error:
            log.warning("start_not_seen job=%s attempt=%d error=%s", *attempt.ref, error)
            return
        try:
            while True:
                started = await self._loop.run_in_executor(self._pool, read_start_record, attempt.directory)
                if self._report_recorded_start(attempt, started):
                    return
                await written.wait()
                written.clear()
        finally:
            stop_watching()

    def _report_recorded_start(self, attempt: _Attempt, started: StartRecord | None) -> bool:
        """Report the start when the record of it has the agent's process."""
        if started is None or started.agent_pid is None:
            return False
        ran_s = started.ran_s if started.boot_id == boot_clock.boot_id() else 0.0
        self._report_start(attempt, started.agent_pid, started.started_at, ran_s)
        return True

    def _report_start(self, attempt: _Attempt, agent_pid: int, started_at: float, ran_s: float) -> None:
        if self._is_current(attempt) and not attempt.started:
            attempt.started = True
            self._observer.attempt_started(attempt.ref, agent_pid, started_at, ran_s)

    def _is_current(self, attempt: _Attempt) -> bool:
        return self._attempts.get(attempt.ref) is attempt


def _terminate(shim: int) -> None:
    """Tell a shim to end its attempt, even if it has been stopped. shim: its pidfd."""
    pidfd.send(shim, signal.SIGTERM)
    pidfd.send(shim, signal.SIGCONT)


def _stop_timer(attempt: _Attempt) -> None:
    if attempt.kill_timer is not None:
        attempt.kill_timer.cancel()
