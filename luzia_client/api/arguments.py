"""The types that methods accept for jobs, projects, schedules, durations and paths, and their values on the wire.

Where a job is needed, the result of another method does as well as its id; likewise for projects and schedules.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar, get_args

from luzia_protocol import environment
from luzia_protocol.events import EventKind
from luzia_protocol.graphs import GraphResult
from luzia_protocol.job_control import JobChange
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.replies import DispatchResult, ImportedJob, Project
from luzia_protocol.schedules import Schedule

from luzia_client.api.errors import ArgumentError, SettingsError

T = TypeVar("T")
V = TypeVar("V")

PathLike = str | os.PathLike[str]
"""A path. `~` and relative paths are expanded."""
JobLike = str | Job | DispatchResult | JobChange | ImportedJob
"""A job: its id, a unique part of it, `agent:PROJECT:ID` or `@last`; or an object that another method returned."""
JobsLike = JobLike | GraphResult | Iterable[JobLike]
"""One job or several; the result of `graph` is all of its jobs."""
ProjectLike = str | os.PathLike[str] | Project
"""A project: its name, or a path of a directory; or an object of list_projects."""
ScheduleLike = str | Schedule
"""A schedule: its name, or an object that another method returned."""
Duration = float | timedelta
"""A duration: seconds, or a timedelta."""


def job_id(job: JobLike) -> str:
    """The id of a job. Raises ArgumentError."""
    if isinstance(job, str):
        return job
    if isinstance(job, Job):
        return job.id
    if isinstance(job, DispatchResult | JobChange | ImportedJob):
        return job.job
    raise _wrong_type("job", "an id or a job", job)


def job_ids(jobs: JobsLike) -> list[str]:
    """The ids of one or more jobs. Raises ArgumentError."""
    if isinstance(jobs, GraphResult):
        return list(jobs.jobs.values())
    if isinstance(jobs, JobLike):
        return [job_id(jobs)]
    return [job_id(job) for job in as_list("jobs", "a job, or several", jobs)]


def string_list(name: str, values: str | Iterable[str]) -> list[str]:
    """One string or several, as a list. Raises ArgumentError."""
    found = [values] if isinstance(values, str) else as_list(name, "a string, or several", values)
    for value in found:
        if not isinstance(value, str):
            raise _wrong_type(name, "strings", value)
    return found


def string_map(name: str, values: Mapping[str, V]) -> dict[str, V]:
    """A mapping as a dict. Raises ArgumentError when it is none."""
    if not isinstance(values, Mapping):
        raise _wrong_type(name, "a mapping", values)
    return dict(values)


def job_states(states: JobState | Iterable[JobState]) -> list[JobState]:
    """One state or several, as a list. Raises ArgumentError for an unknown one."""
    return [JobState(state) for state in _choices("states", "state", states, tuple(JobState))]


def event_kinds(kinds: EventKind | Iterable[EventKind]) -> list[str]:
    """One kind of event or several, as a list. Raises ArgumentError for an unknown one."""
    return _choices("kinds", "kind of event", kinds, get_args(EventKind))


def command_words(argv: Iterable[str | os.PathLike[str]]) -> list[str]:
    """The words of a command. Raises ArgumentError, also for a single string."""
    if isinstance(argv, str | bytes):
        raise ArgumentError("argv is a single string", "Pass a list of words; for a command line, split it with shlex.")
    return [path_text("argv", word) for word in as_list("argv", "a list of strings", argv)]


def seconds(name: str, duration: Duration) -> float:
    """The seconds of a duration. Raises ArgumentError."""
    if isinstance(duration, timedelta):
        return duration.total_seconds()
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        raise _wrong_type(name, "seconds or a timedelta", duration)
    if not math.isfinite(duration):
        raise ArgumentError(f"invalid duration: {name} is {duration}")
    return duration


def aware(name: str, time: datetime) -> datetime:
    """The time itself. Raises ArgumentError when it has no time zone."""
    if not isinstance(time, datetime):
        raise _wrong_type(name, "a datetime", time)
    if time.tzinfo is None:
        raise ArgumentError(f"{name} has no time zone", "Pass an aware datetime, such as datetime.now(UTC).")
    return time


def path_text(name: str, path: PathLike) -> str:
    """A path as a string, unchanged. Raises ArgumentError."""
    try:
        text = os.fspath(path)
    except TypeError:
        text = None
    if not isinstance(text, str):
        raise _wrong_type(name, "a string or a path", path)
    return text


def absolute_path(name: str, path: PathLike) -> str:
    """A path as the daemon needs it. Raises ArgumentError when the current directory of a relative one is unusable."""
    text = path_text(name, path)
    try:
        return environment.absolute_path(text)
    except OSError as exc:
        raise ArgumentError(f"{name} is relative, and {exc.strerror}") from exc


def project_text(project: ProjectLike) -> str:
    """A project's name, or its absolute path. Raises ArgumentError."""
    if isinstance(project, Project):
        return project.name
    if isinstance(project, str) and not environment.is_path(project):
        return project
    return absolute_path("project", project)


def find_project(projects: Iterable[Project], project: str) -> Project | None:
    """The configured project that a name or a path is, by its real path; None for another directory or name."""
    if not environment.is_path(project):
        return next((each for each in projects if each.name == project), None)
    place = os.path.realpath(absolute_path("project", project))
    return next((each for each in projects if os.path.realpath(each.path) == place), None)


def project_list(projects: str | Iterable[str]) -> list[str]:
    """Names and absolute paths of projects. Raises ArgumentError."""
    return [project_text(each) for each in string_list("projects", projects)]


def schedule_name(schedule: ScheduleLike) -> str:
    """The name of a schedule. Raises ArgumentError."""
    name = schedule.name if isinstance(schedule, Schedule) else schedule
    if not isinstance(name, str):
        raise _wrong_type("schedule", "a name or a schedule", name)
    return name


def socket_text(socket: PathLike | None) -> str:
    """The path of the daemon's socket. Raises ArgumentError, and SettingsError for a bad LUZIA_SOCKET."""
    if socket is not None and (text := path_text("socket", socket)):
        return text
    try:
        return environment.socket_path()
    except OSError as exc:
        hint = "Set LUZIA_SOCKET or LUZIA_RUNTIME_DIR to an absolute path."
        raise SettingsError("the socket's path is relative, and the current directory does not exist", hint) from exc


def as_list(name: str, expected: str, values: Iterable[T]) -> list[T]:
    """The values as a list. Raises ArgumentError when they are none."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise _wrong_type(name, expected, values)
    return list(values)


def _choices(name: str, what: str, values: str | Iterable[str], known: tuple[str, ...]) -> list[str]:
    found = string_list(name, values)
    for value in found:
        if value not in known:
            raise ArgumentError(f"unknown {what} '{value}'", f"The {name} are {', '.join(known)}.")
    return found


def _wrong_type(name: str, expected: str, value: object) -> ArgumentError:
    return ArgumentError(f"{name} must be {expected}, not {type(value).__name__}")
