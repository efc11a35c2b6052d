"""Runs attempts on this machine: asks the fork server for shims, and watches these until they are gone.

An attempt's directory is the truth about it. What comes from the fork server and the shims only saves time;
whatever has gone wrong, `reconcile.look` says where an attempt stands, and this file acts on it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import json
import logging
import os
import re
import shutil
import signal
from collections.abc import Callable
from typing import TypeVar

import msgspec

from luzia_protocol.jobs import Bounds

from luziad.executor import file_events, pidfd, reconcile, stdin, survivors
from luziad.executor.base import Launch, Observer
from luziad.executor.controllers import Controllers
from luziad.executor.forks import Forks, Reply
from luziad.jobs.attempt import AttemptRef, ExitRecord
from luziad.supervise import record

log = logging.getLogger(__name__)

T = TypeVar("T")

_JOB_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")
_STREAMS = frozenset((record.STDOUT, record.STDERR))
_FIRST_LOOK_AGAIN_S = 0.02
_LAST_LOOK_AGAIN_S = 30.0


class _Attempt:
    """An attempt that is not over.

    pidfd: its shim, while that is being watched. started: the observer knows that it started.
    end_wanted: SIGTERM is due as soon as the shim is known; held: so is this signal. why: what is known about a
    failure. end: how it ended, when the shim could tell that but not write it down.
    """

    __slots__ = (
        "arrival",
        "directory",
        "end",
        "end_wanted",
        "held",
        "look_again_s",
        "pidfd",
        "ref",
        "started",
        "why",
    )

    def __init__(self, ref: AttemptRef, directory: str) -> None:
        self.ref = ref
        self.directory = directory
        self.pidfd: int | None = None
        self.started = False
        self.end_wanted = False
        self.held: signal.Signals | None = None
        self.why: str | None = None
        self.end: ExitRecord | None = None
        self.look_again_s = _FIRST_LOOK_AGAIN_S
        self.arrival: asyncio.Task[None] | None = None


class LocalExecutor:
    """The Executor of this machine (see base.py).

    jobs_dir: absolute path of the directory of all jobs. pool: does short file work, `slow_pool` deletions; None
    takes the loop's.

    Every submit or attach of an attempt that is not under way already gets exactly one `attempt_ended`.
    """

    def __init__(
        self,
        jobs_dir: str,
        pool: concurrent.futures.Executor | None = None,
        slow_pool: concurrent.futures.Executor | None = None,
    ) -> None:
        self._jobs_dir = os.path.abspath(jobs_dir)
        self._pool = pool
        self._slow_pool = slow_pool
        self._forks = Forks(self._replied, self._unanswered)
        self._controllers = Controllers()
        self._attempts: dict[AttemptRef, _Attempt] = {}
        self._stopped = False
        self._loop: asyncio.AbstractEventLoop
        self._observer: Observer

    async def start(self, observer: Observer) -> None:
        """Get ready to run attempts; raises OSError when the directory or the fork server cannot be had."""
        self._loop = asyncio.get_running_loop()
        self._observer = observer
        os.makedirs(self._jobs_dir, 0o700, exist_ok=True)
        await self._forks.start()

    @property
    def fork_server_pid(self) -> int | None:
        """The fork server's process, None while there is none."""
        return self._forks.pid

    async def stop(self) -> None:
        """Stop watching and starting; running attempts go on."""
        self._stopped = True
        for attempt in self._attempts.values():
            self._unwatch(attempt)
        self._attempts.clear()
        await self._forks.stop()

    def problem_with(self, bounds: Bounds) -> str | None:
        """Why these limits cannot be kept for an attempt, None when they can."""
        return self._controllers.problem_with(bounds)

    def submit(self, launch: Launch) -> None:
        """Start an attempt, at most once in all times. Call it only after the store has `starting`."""
        attempt = self._add(launch.ref)
        if attempt is None:
            return
        request = msgspec.structs.asdict(launch)
        del request["ref"]
        if launch.bounds is not None:
            self._controllers.problem_with(launch.bounds)  # switches them on; a shim that misses one says so
            request["bounds"] = msgspec.structs.asdict(launch.bounds)
        request.update(job=attempt.ref.job, attempt=attempt.ref.attempt, directory=attempt.directory)
        request["env"] = {**launch.env, survivors.MARK: attempt.directory}
        # The standard library's JSON, because it carries file names that are no UTF-8 (lone surrogates).
        self._forks.send(attempt.ref, json.dumps(request).encode() + b"\n")

    def attach(self, ref: AttemptRef) -> None:
        """Find out what became of an attempt that the store says is under way, and watch it on."""
        attempt = self._add(ref)
        if attempt is not None:
            self._look(attempt)

    def end(self, ref: AttemptRef) -> None:
        """End the attempt: TERM, grace, KILL to its whole process tree. Asking twice is harmless."""
        attempt = self._attempts.get(ref)
        if attempt is None:
            return
        attempt.end_wanted = True
        if attempt.pidfd is not None:
            pidfd.send(attempt.pidfd, signal.SIGTERM)
        elif self._forks.withdraw(ref):
            attempt.why = "cancelled before it started"
            self._look(attempt)

    def pause(self, ref: AttemptRef) -> None:
        """Let nothing of the attempt run until it is resumed or ended. Asking twice is harmless."""
        self._hold(ref, signal.SIGTSTP)

    def resume(self, ref: AttemptRef) -> None:
        """Let it run on. Harmless when it does."""
        self._hold(ref, signal.SIGCONT)

    def _hold(self, ref: AttemptRef, number: signal.Signals) -> None:
        attempt = self._attempts.get(ref)
        if attempt is None:
            return
        if attempt.pidfd is not None:
            pidfd.send(attempt.pidfd, number)
        else:
            attempt.held = number

    async def say(self, ref: AttemptRef, line: str) -> None:
        """Give a line to an agent that was started with a `first_line`. Raises OSError when it cannot be given."""
        work = functools.partial(stdin.say, self._directory(ref), line.encode() + b"\n")
        await self._loop.run_in_executor(self._pool, work)

    def hang_up(self, ref: AttemptRef) -> None:
        """End the stdin of such an agent: nobody has anything more to say."""
        attempt = self._attempts.get(ref)
        if attempt is not None and attempt.pidfd is not None:
            pidfd.send(attempt.pidfd, signal.SIGUSR1)

    def output_path(self, ref: AttemptRef, stream: str) -> str:
        """The file that holds the attempt's `stdout` or `stderr`; it need not exist yet."""
        if stream not in _STREAMS:
            raise ValueError(f"no such stream: {stream!r}")
        return os.path.join(self._directory(ref), stream)

    def output_paths(self, ref: AttemptRef) -> list[str]:
        """The files of all its streams; they need not exist yet."""
        return [self.output_path(ref, stream) for stream in sorted(_STREAMS)]

    def job_directory(self, job: str) -> str:
        """The job's directory; it need not exist. Raises ValueError for what cannot be a job's id."""
        if not _JOB_ID.fullmatch(job):
            raise ValueError(f"not a job id: {job!r}")
        return os.path.join(self._jobs_dir, job)

    def forget(self, job: str) -> None:
        """Delete the job's directory. Its attempts must be over."""
        directory = self.job_directory(job)

        def deleted(future: asyncio.Future[None]) -> None:
            error = future.exception()
            if error is not None and not isinstance(error, FileNotFoundError):
                log.error("directory_not_deleted job=%s error=%s", job, error)

        self._loop.run_in_executor(self._slow_pool, shutil.rmtree, directory).add_done_callback(deleted)

    def _replied(self, reply: Reply) -> None:
        """Take in a line from the fork server or a shim."""
        attempt = self._attempts.get(reply.ref)
        if attempt is None:
            return
        if reply.problem is not None:
            log.warning("attempt_has_problem job=%s attempt=%d problem=%s", *attempt.ref, reply.problem)
        if reply.error is not None:
            attempt.why, attempt.end = reply.error, reply.end
        if reply.agent_pid is not None:
            self._started(attempt, reply.agent_pid, reply.started_at, 0.0)
        if reply.refused is not None:
            attempt.why = reply.refused
            self._look(attempt)
        elif reply.pid is not None and not self._watch(attempt, reply.pid, reply.start_time):
            self._loop.call_soon(self._gone, attempt)  # not now: the line that tells why may be the next one

    def _unanswered(self, ref: AttemptRef) -> None:
        """The fork server died with this request, so the attempt's directory must say what became of it."""
        attempt = self._attempts.get(ref)
        if attempt is not None and attempt.pidfd is None:
            self._look(attempt)

    def _directory(self, ref: AttemptRef) -> str:
        if ref.attempt < 1:
            raise ValueError(f"not an attempt's number: {ref.attempt!r}")
        return os.path.join(self.job_directory(ref.job), str(int(ref.attempt)))

    def _add(self, ref: AttemptRef) -> _Attempt | None:
        directory = self._directory(ref)
        if ref in self._attempts or self._stopped:
            return None  # what is committed now, while the daemon ends, is for the next one to start
        attempt = self._attempts[ref] = _Attempt(ref, directory)
        return attempt

    def _watch(self, attempt: _Attempt, pid: int, start_time: int | None) -> bool:
        """Watch the shim until it is gone; False when it is gone already or cannot be watched."""
        if attempt.pidfd is not None:
            return True
        try:
            attempt.pidfd = pidfd.open_process(pid, start_time)
        except OSError as error:
            log.error("shim_not_watched job=%s attempt=%d error=%s", *attempt.ref, error)
        if attempt.pidfd is None:
            return False
        self._loop.add_reader(attempt.pidfd, self._gone, attempt)
        if attempt.held is not None:
            pidfd.send(attempt.pidfd, attempt.held)
        if attempt.end_wanted:
            pidfd.send(attempt.pidfd, signal.SIGTERM)
        return True

    def _unwatch(self, attempt: _Attempt) -> None:
        if attempt.pidfd is not None:
            self._loop.remove_reader(attempt.pidfd)
            os.close(attempt.pidfd)
            attempt.pidfd = None
        if attempt.arrival is not None:
            attempt.arrival.cancel()
            attempt.arrival = None

    def _gone(self, attempt: _Attempt) -> None:
        self._forks.catch_up()
        self._unwatch(attempt)
        self._look(attempt)

    def _look(self, attempt: _Attempt) -> None:
        if self._is_current(attempt):
            work = functools.partial(reconcile.look, attempt.directory, attempt.why)
            self._in_thread(functools.partial(self._looked, attempt), work)

    def _look_later(self, attempt: _Attempt) -> None:
        """Look again after a growing pause: nothing tells when a lock gets free or a disk gets room."""
        self._loop.call_later(attempt.look_again_s, self._look, attempt)
        attempt.look_again_s = min(attempt.look_again_s * 2, _LAST_LOOK_AGAIN_S)

    def _looked(self, attempt: _Attempt, future: asyncio.Future[reconcile.Held | reconcile.Over]) -> None:
        error = future.exception()
        if not self._is_current(attempt):
            return
        if error is not None:
            log.error("attempt_not_read job=%s attempt=%d error=%s", *attempt.ref, error)
            self._look_later(attempt)
            return
        found = future.result()
        self._has_started(attempt, found.started)
        if isinstance(found, reconcile.Held):
            self._adopt(attempt, found)
            return
        self._unwatch(attempt)
        del self._attempts[attempt.ref]
        told = None if isinstance(found.end, ExitRecord) else attempt.end
        self._observer.attempt_ended(attempt.ref, told or found.end)

    def _adopt(self, attempt: _Attempt, found: reconcile.Held) -> None:
        """Watch a shim of another life of the fork server or the daemon."""
        holder = found.holder
        if holder is None or not self._watch(attempt, holder.pid, holder.start_time):
            self._look_later(attempt)  # it is just writing its name into the lock, or letting go of it
        elif not attempt.started and attempt.arrival is None:
            attempt.arrival = self._loop.create_task(self._await_start(attempt))

    async def _await_start(self, attempt: _Attempt) -> None:
        """Hear of the start of an adopted attempt; without that the end tells of it."""
        try:
            async for _ in file_events.changes(attempt.directory):
                started = await self._loop.run_in_executor(self._pool, reconcile.read_started, attempt.directory)
                if self._has_started(attempt, started):
                    return
        except OSError as error:
            log.warning("start_not_seen job=%s attempt=%d error=%s", *attempt.ref, error)

    def _has_started(self, attempt: _Attempt, started: reconcile.Started | None) -> bool:
        """Tell of the start when the record of it has the agent's process."""
        if started is None or started.agent_pid is None:
            return False
        ran_s = started.ran_s if started.boot_id == record.boot_id() else 0.0
        self._started(attempt, started.agent_pid, started.started_at, ran_s)
        return True

    def _started(self, attempt: _Attempt, agent_pid: int, started_at: float, ran_s: float) -> None:
        if self._is_current(attempt) and not attempt.started:
            attempt.started = True
            self._observer.attempt_started(attempt.ref, agent_pid, started_at, ran_s)

    def _is_current(self, attempt: _Attempt) -> bool:
        return self._attempts.get(attempt.ref) is attempt

    def _in_thread(self, done: Callable[[asyncio.Future[T]], None], work: Callable[[], T]) -> None:
        self._loop.run_in_executor(self._pool, work).add_done_callback(done)
