"""The older dispatcher's methods on top of Client."""

from __future__ import annotations

import threading
import time
import warnings
from pathlib import Path

from luzia_protocol import events
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job

from luzia_client.api.client import Client
from luzia_client.legacy.status import KILL_WORDS, OLD_WORDS, OldStatus, old_status, states_of
from luzia_client.legacy.tracking import TrackedProcess
from luzia_client.transport.endpoint import DaemonUnreachableError

_NOT_TAKEN = frozenset({ErrorCode.UNKNOWN_JOB, ErrorCode.JOB_NOT_RUNNING, ErrorCode.JOB_FINAL})


class ResponseiveDispatcher:
    """Dispatches tasks and tells what became of them. Safe to share between threads.

    jobs_dir: where the caller expects the jobs; the daemon alone decides (LUZIA_JOBS_DIR), so another place
    is warned about.
    """

    def __init__(self, jobs_dir: str | Path | None = None) -> None:
        self._client = Client()
        self._lock = threading.Lock()
        self._fresh: dict[str, Job] = {}
        self._tracked: dict[str, TrackedProcess] = {}
        self._monitor: threading.Thread | None = None
        if jobs_dir is not None and Path(jobs_dir).resolve() != self.jobs_dir.resolve():
            warnings.warn(f"the daemon keeps its jobs in {self.jobs_dir}, not in {jobs_dir}", stacklevel=2)

    @property
    def jobs_dir(self) -> Path:
        """The directory in which the daemon keeps its jobs."""
        return Path(self._client.get_info().jobs_dir)

    def dispatch_task(self, project: str, task: str, job_type: str | None = None) -> tuple[str, float]:
        """Dispatch a task; returns the job's id and how many milliseconds that took.

        job_type: the agent; None takes the project's.
        """
        begin = time.perf_counter()
        job = self._client.dispatch(project, task, agent=job_type).job
        return job, (time.perf_counter() - begin) * 1000

    def track(self, job_id: str, pid: int, project: str = "", task: str = "") -> OldStatus:
        """Tell of a process that luzia did not start under the name of a job, as long as this program lives."""
        self._tracked[job_id] = TrackedProcess(job_id, pid, project, task)
        return self._tracked[job_id].status()

    def get_status(self, job_id: str, use_cache: bool = True) -> OldStatus | None:
        """The job as a dict, None when there is none.

        use_cache: an answer up to LUZIA_CACHE_TTL seconds old will do; with the background monitor running
        it comes from memory, as of the last event.
        """
        if job_id in self._tracked:
            return self._tracked[job_id].status()
        monitored = self._is_monitored()
        fresh = self._fresh.get(job_id) if use_cache and monitored else None
        if fresh is not None:
            return old_status(fresh)
        try:
            # What the monitor does not keep has ended, so that an older answer may say that it runs.
            return old_status(self._client.get_job(job_id, use_cache=use_cache and not monitored))
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_JOB:
                raise
            return None

    def update_status(
        self,
        job_id: str,
        status: str,
        progress: float | None = None,
        message: str = "",
        exit_code: int | None = None,
    ) -> bool:
        """Report how far a job is; a status such as `killed` cancels it. False when the job takes no news.

        Other words for `status`, and `exit_code`, change nothing: the daemon sees both for itself. Of a tracked
        process they are noted, and the process is left alone.
        """
        if job_id in self._tracked:
            return self._tracked[job_id].update(status, progress, message, exit_code)
        try:
            if status in KILL_WORDS:
                self._client.cancel(job_id)
            else:
                self._client.report_progress(job_id, percent=progress, label=message or None)
        except Refused as refused:
            if refused.code not in _NOT_TAKEN:
                raise
            return False
        return True

    def list_jobs(self, project: str | None = None, status_filter: str | None = None) -> list[OldStatus]:
        """Jobs, newest first; only those of a project, or in a state, if asked."""
        projects = [project] if project else []
        states = states_of(status_filter)
        words = {OLD_WORDS[state] for state in states}
        tracked = [each.status() for each in reversed(self._tracked.values()) if project in (None, each.project)]
        jobs = [old_status(job) for job in self._client.iter_jobs(projects, states)]
        return [each for each in tracked if not words or each["status"] in words] + jobs

    def wait_for_job(self, job_id: str, timeout: float | None = None, poll_interval: float | None = None) -> OldStatus:
        """Wait until a job has ended, at most `timeout` seconds, and return it as it is then.

        poll_interval: not needed, because the daemon tells when the job ends.
        """
        del poll_interval
        if job_id in self._tracked:
            return self._tracked[job_id].wait(timeout)
        self._client.wait([job_id], timeout_s=timeout)
        return old_status(self._client.get_job(job_id))  # asked anew, so that what is remembered is not older

    def start_background_monitor(self) -> threading.Thread:
        """Keep the answers of get_status fresh in a daemon thread; asking twice returns the same thread."""
        with self._lock:
            if self._monitor is None or not self._monitor.is_alive():
                self._monitor = threading.Thread(target=self._watch, name="luzia-monitor", daemon=True)
                self._monitor.start()
            return self._monitor

    def _is_monitored(self) -> bool:
        return self._monitor is not None and self._monitor.is_alive()

    def _watch(self) -> None:
        """The monitor's thread; it ends when no daemon can be reached any more."""
        try:
            # Who only looks on starts no daemon, however long this program goes on after the last one.
            with Client(self._client.socket, autostart=False) as onlooker:
                for event in onlooker.subscribe():
                    self._heed(event, onlooker)
        except DaemonUnreachableError:
            return  # get_status asks for itself from now on, and tells its caller
        finally:
            self._fresh.clear()

    def _heed(self, event: events.Event, onlooker: Client) -> None:
        self._fresh.pop(event.job, None)
        try:
            job = onlooker.get_job(event.job)
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_JOB:
                raise
            return
        if not job.state.is_final:  # what has ended need not be kept here; asking costs no more than a lookup
            self._fresh[event.job] = job
