"""The methods of the older dispatcher, implemented with Client."""

from __future__ import annotations

import threading
import time
import warnings
from pathlib import Path

from luzia_protocol import events
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job

from luzia_client.api.client import Client
from luzia_client.legacy.processes import TrackedProcess
from luzia_client.legacy.status import KILL_WORDS, OLD_WORDS, OldStatus, old_status, states_of
from luzia_client.transport.endpoint import DaemonUnreachableError

_NOT_UPDATABLE = frozenset({ErrorCode.UNKNOWN_JOB, ErrorCode.JOB_NOT_RUNNING, ErrorCode.JOB_FINAL})


class ResponseiveDispatcher:
    """Dispatches tasks and reports their status. Threads may share one.

    jobs_dir: the directory where the caller expects the jobs. The daemon decides (LUZIA_JOBS_DIR), so another one
    causes a warning.
    """

    def __init__(self, jobs_dir: str | Path | None = None) -> None:
        self._client = Client()
        self._lock = threading.Lock()
        self._monitored_jobs: dict[str, Job] = {}
        self._tracked: dict[str, TrackedProcess] = {}
        self._monitor: threading.Thread | None = None
        if jobs_dir is not None and Path(jobs_dir).resolve() != self.jobs_dir.resolve():
            warnings.warn(f"the daemon keeps its jobs in {self.jobs_dir}, not in {jobs_dir}", stacklevel=2)

    @property
    def jobs_dir(self) -> Path:
        """The directory in which the daemon keeps its jobs."""
        return Path(self._client.get_info().jobs_dir)

    def dispatch_task(self, project: str, task: str, job_type: str | None = None) -> tuple[str, float]:
        """Dispatch a task; returns the job's id and the milliseconds that it took.

        job_type: the agent; None is the default agent of the project.
        """
        start = time.perf_counter()
        job = self._client.dispatch(project, task, agent=job_type).job
        return job, (time.perf_counter() - start) * 1000

    def track(self, job_id: str, pid: int, project: str = "", task: str = "") -> OldStatus:
        """Report a process that luzia did not start as a job, until this program exits."""
        self._tracked[job_id] = TrackedProcess(job_id, pid, project, task)
        return self._tracked[job_id].status()

    def get_status(self, job_id: str, use_cache: bool = True) -> OldStatus | None:
        """The job as a dict; None if it does not exist.

        use_cache: accept a status up to LUZIA_CACHE_TTL seconds old, or, while the background monitor runs, the status
        as of the last event.
        """
        if job_id in self._tracked:
            return self._tracked[job_id].status()
        monitoring = self._is_monitoring()
        found = self._monitored_jobs.get(job_id) if use_cache and monitoring else None
        if found is not None:
            return old_status(found)
        try:
            # A job that the monitor has dropped is final; a cached status could still be a running one.
            return old_status(self._client.get_job(job_id, use_cache=use_cache and not monitoring))
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
        """Report the progress of a job, or cancel it with a status such as `killed`. False if it is not running.

        Any other `status`, and `exit_code`, are ignored, because the daemon observes both. For a tracked process they
        are recorded; the process itself is not affected.
        """
        if job_id in self._tracked:
            return self._tracked[job_id].update(status, progress, message, exit_code)
        try:
            if status in KILL_WORDS:
                self._client.cancel(job_id)
            else:
                self._client.report_progress(job_id, percent=progress, label=message or None)
        except Refused as refused:
            if refused.code not in _NOT_UPDATABLE:
                raise
            return False
        return True

    def list_jobs(self, project: str | None = None, status_filter: str | None = None) -> list[OldStatus]:
        """Jobs, newest first; with arguments only those of a project, or with a status."""
        projects = [project] if project else []
        states = states_of(status_filter)
        words = {OLD_WORDS[state] for state in states}
        tracked = [each.status() for each in reversed(self._tracked.values()) if project in (None, each.project)]
        try:
            jobs = [old_status(job) for job in self._client.iter_jobs(projects, states)]
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_PROJECT:
                raise
            jobs = []
        return [each for each in tracked if not words or each["status"] in words] + jobs

    def wait_for_job(self, job_id: str, timeout: float | None = None, poll_interval: float | None = None) -> OldStatus:
        """Wait until a job has ended, for at most `timeout` seconds, and return its status.

        poll_interval: ignored, because the daemon reports the end of a job.
        """
        del poll_interval
        if job_id in self._tracked:
            return self._tracked[job_id].wait(timeout)
        self._client.wait([job_id], timeout_s=timeout)
        return old_status(self._client.get_job(job_id))  # not cached

    def start_background_monitor(self) -> threading.Thread:
        """Keep the status of jobs current in a daemon thread; returns the thread, always the same one."""
        with self._lock:
            if self._monitor is None or not self._monitor.is_alive():
                self._monitor = threading.Thread(target=self._watch, name="luzia-monitor", daemon=True)
                self._monitor.start()
            return self._monitor

    def _is_monitoring(self) -> bool:
        return self._monitor is not None and self._monitor.is_alive()

    def _watch(self) -> None:
        """Run the monitor, until the daemon cannot be reached any more."""
        try:
            # Watching starts no daemon, even long after the last one has stopped.
            with Client(self._client.socket, autostart=False) as client:
                for event in client.subscribe():
                    self._update_job(event, client)
        except DaemonUnreachableError:
            return  # get_status requests each status from now on, and raises
        finally:
            self._monitored_jobs.clear()

    def _update_job(self, event: events.Event, client: Client) -> None:
        self._monitored_jobs.pop(event.job, None)
        try:
            job = client.get_job(event.job)
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_JOB:
                raise
            return
        if not job.state.is_final:  # final jobs are not kept; get_status requests them
            self._monitored_jobs[event.job] = job
