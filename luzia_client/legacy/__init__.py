"""The names that older luzia code imports, implemented with the Python API. New code uses Client.

The names, their arguments and what they return do not change; nothing else imports this package.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from luzia_protocol.errors import ErrorCode, Refused

from luzia_client.cli.watch.watch_jobs import run_watch
from luzia_client.legacy.dispatcher import ResponseiveDispatcher
from luzia_client.legacy.screen import CLIFeedback, Colors, ProgressBar, ResponseiveOutput
from luzia_client.legacy.status import OldStatus

ResponsiveDispatcher = ResponseiveDispatcher


class EnhancedDispatcher:
    """A dispatcher that prints its actions. The arguments are those of ResponseiveDispatcher."""

    def __init__(self, jobs_dir: str | Path | None = None) -> None:
        self.dispatcher = ResponseiveDispatcher(jobs_dir)
        self.feedback = CLIFeedback()

    def dispatch_and_report(
        self,
        project: str,
        task: str,
        show_details: bool | None = None,
        show_feedback: bool = True,
        job_type: str | None = None,
    ) -> tuple[str, OldStatus]:
        """Dispatch a task and print the confirmation; returns the job's id and the job as a dict.

        show_details: see CLIFeedback.job_dispatched. show_feedback: False prints nothing.
        job_type: see ResponseiveDispatcher.dispatch_task.
        """
        result = self.dispatcher.dispatch(project, task, job_type)
        if show_feedback:
            self.feedback.job_dispatched(result.job, result.project, task, show_details)
        return result.job, self.dispatcher.get_status(result.job, use_cache=False) or {}

    def get_status_and_display(self, job_id: str, show_full: bool = False) -> OldStatus | None:
        """Print a job's status, with its times if `show_full`, and return it; None if the job does not exist."""
        status = self.dispatcher.get_status(job_id)
        if status is None:
            ResponseiveOutput.error(f"There is no job {job_id}.")
        else:
            self.feedback.show_status(status, show_full=show_full)
        return status

    def show_jobs_summary(self, project: str | None = None) -> None:
        """Print the counts and a line for each job."""
        self.feedback.show_jobs_list(self.dispatcher.list_jobs(project))

    def show_concurrent_summary(self) -> None:
        """Print the running and queued jobs."""
        self.feedback.show_concurrent_jobs(self.dispatcher.list_jobs())


class _SharedDispatcher:
    """Creates the EnhancedDispatcher of this process at the first call, one for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dispatcher: EnhancedDispatcher | None = None

    def __call__(self) -> EnhancedDispatcher:
        with self._lock:
            self._dispatcher = self._dispatcher or EnhancedDispatcher()
            return self._dispatcher

    def cache_clear(self) -> None:
        """Let the next call create another one, for changed LUZIA_* variables."""
        with self._lock:
            self._dispatcher = None


get_enhanced_dispatcher = _SharedDispatcher()


def enhanced_spawn_claude_agent(
    project: str, task: str, context: str = "", config: dict[str, Any] | None = None
) -> str:
    """Dispatch a task to Claude Code and print the confirmation; returns the job's id.

    context: text to add to Claude's system prompt.
    config: of the project, or of all projects below `projects`; all keys are optional, and a text in the place of a
    project's settings is its path. `path` is the directory to use if the project is not configured, and `agent` another
    agent, which gets the context before the task if it cannot add to its system prompt.
    """
    settings = _settings(project, config)
    agent = settings.get("agent") or "claude"
    shared = get_enhanced_dispatcher()
    try:
        result = shared.dispatcher.spawn(project, task, agent, context or "")
    except Refused as refused:
        path = settings.get("path")
        if refused.code is not ErrorCode.UNKNOWN_PROJECT or not path:
            raise
        result = shared.dispatcher.spawn(str(path), task, agent, context or "")
    shared.feedback.job_dispatched(result.job, result.project, task)
    return result.job


def _settings(project: str, config: object) -> dict[str, Any]:
    """The settings of a project in a configuration of older code: its own, before those for all."""
    if not isinstance(config, dict):
        return {}
    projects = config.get("projects")
    own = projects.get(project) if isinstance(projects, dict) else None
    if isinstance(own, str):
        own = {"path": own}
    given = own if isinstance(own, dict) else {}
    return {key: given.get(key) or config.get(key) for key in ("agent", "path")}


def track_existing_job(job_id: str, pid: int | None = None, project: str = "", task: str = "") -> OldStatus | None:
    """A job that another program dispatched, as a dict; None if it does not exist.

    pid: a process that luzia did not start; the shared dispatcher then reports it under this job_id.
    project, task: the values to report for it.
    """
    dispatcher = get_enhanced_dispatcher().dispatcher
    if pid is not None:
        return dispatcher.track(job_id, pid, project, task)
    return dispatcher.get_status(job_id, use_cache=False)


def show_job_status_interactive(job_id: str) -> None:
    """Show a job live until it ends; prints an error if it does not exist."""
    if get_enhanced_dispatcher().dispatcher.get_status(job_id, use_cache=False) is None:
        ResponseiveOutput.error(f"There is no job {job_id}.")
    else:
        run_watch([job_id])


def start_background_monitoring() -> threading.Thread:
    """Start the monitor of the shared dispatcher; returns its thread."""
    return get_enhanced_dispatcher().dispatcher.start_background_monitor()


__all__ = [
    "CLIFeedback",
    "Colors",
    "EnhancedDispatcher",
    "ProgressBar",
    "ResponseiveDispatcher",
    "ResponseiveOutput",
    "ResponsiveDispatcher",
    "enhanced_spawn_claude_agent",
    "get_enhanced_dispatcher",
    "show_job_status_interactive",
    "start_background_monitoring",
    "track_existing_job",
]
