"""The methods of the older dispatcher, implemented with Client."""

from __future__ import annotations

import math
import threading
import time
import warnings
from pathlib import Path
from typing import Any

from luzia_protocol.errors import ErrorCode, LuziaError, Refused
from luzia_protocol.events import Event
from luzia_protocol.jobs import Job
from luzia_protocol.replies import DispatchResult

from luzia_client.api.client import Client
from luzia_client.api.errors import ArgumentError
from luzia_client.api.settings import monitor_interval_s
from luzia_client.legacy.processes import TrackedProcess
from luzia_client.legacy.status import KILL_WORDS, OLD_WORDS, OldStatus, old_status, parse_percent, states_of

_NO_SUCH_JOB = (ErrorCode.UNKNOWN_JOB, ErrorCode.AMBIGUOUS_JOB, ArgumentError.code)


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

        job_type: the agent; None is the default agent of the project. For a type that is not an agent's name, the
        default agent is used with a warning.
        """
        start = time.perf_counter()
        job = self.dispatch(project, task, job_type).job
        return job, (time.perf_counter() - start) * 1000

    def dispatch(self, project: str, task: str, job_type: str | None = None) -> DispatchResult:
        """Dispatch a task as dispatch_task does; returns the job's id, name and project."""
        try:
            return self._client.dispatch(project, task, agent=job_type or None)
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_AGENT:
                raise
        warnings.warn(f"no agent is named {job_type}; the project's default agent is used", stacklevel=3)
        return self._client.dispatch(project, task)

    def spawn(self, project: str, task: str, agent: str, context: str) -> DispatchResult:
        """Dispatch a task to an agent, with a context in its system prompt; returns the job's id, name and project."""
        return self._client.dispatch(project, task, agent=agent, system_prompt=context if context.strip() else None)

    def track(self, job_id: str, pid: int, project: str = "", task: str = "") -> OldStatus:
        """Report a process that luzia did not start as a job, until this program exits."""
        self._tracked[job_id] = TrackedProcess(job_id, pid, project, task)
        return self._tracked[job_id].status()

    def get_status(self, job_id: str, use_cache: bool = True) -> OldStatus | None:
        """The job as a dict; None if it does not exist.

        use_cache: accept a status up to LUZIA_CACHE_TTL seconds old, or, while the background monitor follows the
        daemon, the status as of the last event.
        """
        if not isinstance(job_id, str):
            return None
        if job_id in self._tracked:
            return self._tracked[job_id].status()
        found = self._monitored_jobs.get(job_id) if use_cache else None
        if found is not None:
            return old_status(found)
        try:
            # A job that the monitor has dropped is final; a cached status could still be a running one.
            return old_status(self._client.get_job(job_id, use_cache=use_cache and self._monitor is None))
        except (Refused, ArgumentError) as error:
            if error.code not in _NO_SUCH_JOB:
                raise
            return None

    def update_status(
        self,
        job_id: str,
        status: str,
        progress: float | None = None,
        message: str | None = None,
        exit_code: int | None = None,
    ) -> bool:
        """Report the progress of a running job, or cancel a job with a status such as `killed`. It raises nothing.

        Returns True if the update was recorded; False if the job does not exist, has not started or has ended, if
        `progress` is not a number, if the daemon cannot be reached, and for any other status: the daemon observes how
        a job ends. `completed` and `failed`, with `exit_code`, are recorded for a tracked process only.

        progress: percent; numbers outside 0 to 100 are clamped. progress, message: None leaves it as it is.
        """
        percent = parse_percent(progress)
        if not (isinstance(job_id, str) and isinstance(status, str)) or (percent is None and progress is not None):
            return False
        text = "" if message is None else str(message)
        if job_id in self._tracked:
            return self._tracked[job_id].update(status, percent, text, exit_code)
        try:
            if status in KILL_WORDS:
                self._client.cancel(job_id)
                return True
            return status == "running" and self._report(job_id, percent, text)
        except LuziaError:
            return False

    def _report(self, job_id: str, percent: int | None, message: str) -> bool:
        """Report progress; without any, whether the job is running."""
        if percent is None and not message:
            return OLD_WORDS[self._client.get_job(job_id).state] == "running"
        if not message:
            progress = self._client.get_job(job_id).progress
            message = (progress.label if progress is not None else None) or ""
        self._client.report_progress(job_id, percent=percent, label=message or None)
        return True

    def list_jobs(self, project: str | Path | None = None, status_filter: str | None = None) -> list[OldStatus]:
        """Jobs, newest first; with arguments only those of a project, or with a status."""
        project = None if project is None else str(project)
        projects = [project] if project else []
        try:
            states = states_of(status_filter or None)
        except (ValueError, TypeError):
            return []  # no job has such a status
        words = {OLD_WORDS[state] for state in states}
        tracked = [each.status() for each in reversed(self._tracked.values()) if not project or project == each.project]
        try:
            jobs = [old_status(job) for job in self._client.iter_jobs(projects, states)]
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_PROJECT:
                raise
            jobs = []
        return [each for each in tracked if not words or each["status"] in words] + jobs

    def wait_for_job(
        self, job_id: str, timeout: float | None = None, poll_interval: float | None = None
    ) -> OldStatus | Any:
        """Wait until a job has ended, for at most `timeout` seconds, and return its status; None if it does not exist.

        The type lets code use the status without a check, as older code does.

        poll_interval: ignored, because the daemon reports the end of a job.
        """
        del poll_interval
        if not isinstance(job_id, str):
            return None
        if job_id in self._tracked:
            return self._tracked[job_id].wait(timeout)
        seconds = math.inf if timeout is None else float(timeout)
        limit_s = max(seconds, 0.0) if seconds < math.inf else None  # a NaN is no limit, either
        try:
            self._client.wait([job_id], timeout_s=limit_s)
        except (Refused, ArgumentError) as error:
            if error.code not in _NO_SUCH_JOB:
                raise
            return None
        return self.get_status(job_id, use_cache=False)

    def start_background_monitor(self) -> threading.Thread:
        """Keep the status of jobs current in a daemon thread; returns the thread, always the same one.

        The thread lives as long as the program. It starts no daemon, but follows each one that runs; while none does,
        it looks for one every LUZIA_MONITOR_INTERVAL seconds.
        """
        retry_s = monitor_interval_s()
        with self._lock:
            if self._monitor is None or not self._monitor.is_alive():  # a fork leaves the thread behind
                self._monitor = threading.Thread(target=self._watch, args=[retry_s], name="luzia-monitor", daemon=True)
                self._monitor.start()
            return self._monitor

    def _watch(self, retry_s: float) -> None:
        """Run the monitor: follow one daemon after another."""
        with Client(self._client.socket, autostart=False, reconnect_s=0) as client:
            while True:
                try:
                    self._follow(client)
                except (LuziaError, OSError):
                    time.sleep(retry_s)

    def _follow(self, client: Client) -> None:
        """Follow a daemon until the connection to it is lost; then get_status requests each status."""
        try:
            for event in client.subscribe():
                self._update_job(event, client)
        finally:
            self._monitored_jobs.clear()

    def _update_job(self, event: Event, client: Client) -> None:
        self._monitored_jobs.pop(event.job, None)
        try:
            job = client.get_job(event.job)
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_JOB:
                raise
            return
        if not job.state.is_final:  # final jobs are not kept; get_status requests them
            self._monitored_jobs[event.job] = job
