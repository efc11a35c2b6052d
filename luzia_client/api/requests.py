"""The requests that need more than a struct's constructor, and which of them may be sent twice."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Required, TypedDict, TypeVar

import msgspec

from luzia_protocol import requests, schedules
from luzia_protocol.environment import client_env, current_job, process_umask
from luzia_protocol.jobs import Outcome, Race

from luzia_client.api import arguments
from luzia_client.api.arguments import Duration, JobLike, JobsLike, PathLike, ProjectLike
from luzia_client.api.errors import ArgumentError
from luzia_client.api.replies import TYPES_LOCK

CLEAN_TIMEOUT_S = 3600.0
STORAGE_WATCH_S = 7 * 86400.0
"""Git may have to check and delete a large tree."""

StreamName = Literal["stdout", "stderr"]
Encoding = Literal["text", "base64"]
Render = Literal["none", "text", "colour"]

READ_ONLY = (
    requests.Hello,
    requests.Status,
    requests.List,
    requests.Search,
    requests.Spend,
    requests.PastRaces,
    requests.Logs,
    requests.GraphShow,
    requests.Projects,
    requests.Agents,
    requests.Info,
    schedules.ScheduleList,
    schedules.ScheduleShow,
)
"""Requests that change no job."""

ATTACH_TIMEOUT_S = 300.0
"""How long a takeover may take: an attempt in progress is ended before."""

RESENDABLE = (
    *READ_ONLY,
    requests.ReportProgress,
    requests.Import,  # a job that already exists stays as it is
    requests.Reload,
    requests.Dispatch,  # dispatch_request gives each one a key
    requests.Graph,  # as does graph_request
    schedules.SchedulePause,
    schedules.ScheduleResume,
)
"""Requests that may be sent again after a lost connection, because doing them twice changes nothing."""

T = TypeVar("T")

_FULL_ID = re.compile(r"\d{6}-[0-9a-f]{4,}")


class ScheduledOptions(TypedDict, total=False):
    """The options of a schedule's jobs; luzia_protocol.requests.Dispatch explains each. None is as if it were left out.

    Names that end in `_s` are durations, in seconds or as a timedelta; names that end in `_bytes` are bytes.
    """

    argv: Sequence[str | os.PathLike[str]] | None
    agent: str | None
    key: str | None
    env: Mapping[str, str] | None
    cwd: PathLike | None
    timeout_s: Duration | None
    not_before: datetime | None
    retries: int | None
    retry_on: Sequence[Outcome] | None
    backoff_s: Sequence[Duration] | None
    expires_s: Duration | None
    job_timeout_s: Duration | None
    auto_resume: bool | None
    max_cost_usd: float | None
    max_turns: int | None
    after: JobsLike | None
    after_any: JobsLike | None
    after_fail: JobsLike | None
    tags: Mapping[str, str] | None
    stall_timeout_s: Duration | None
    max_memory_bytes: int | None
    max_processes: int | None
    max_cpus: float | None
    worktree: bool | None
    base: str | None
    with_work: bool | None
    review: bool | None
    race: Race | None
    priority: int | None
    needs: Mapping[str, int] | None
    cpus: float | None
    memory_bytes: int | None
    executor: str | None
    gpus: float | None
    ask: bool | None
    start_in_s: Duration | None
    hold: bool | None
    parent: JobLike | None
    system_prompt: str | None
    model: str | None
    permission_mode: str | None
    args: Sequence[str] | None


class DispatchOptions(ScheduledOptions, total=False):
    """The options of a dispatch: those of ScheduledOptions, a name, and a session that the agent resumes."""

    name: str | None
    session: str | None


class GraphJob(DispatchOptions, total=False):
    """A job of a graph: `project`, `task` or `argv`, and the options of a dispatch.

    `after`, `after_any` and `after_fail` take names of the graph, and jobs that exist already. The default name of a
    job is its number in the graph, from 1.
    """

    project: Required[ProjectLike]
    task: str | None


class EditOptions(TypedDict, total=False):
    """What `edit` can change in a queued job. None leaves it unchanged.

    task: the new text. priority: -100 to 100. after, after_any, after_fail: the jobs that must complete, end, or fail
    before it starts; an empty list removes these dependencies.
    """

    task: str | None
    priority: int | None
    after: JobsLike | None
    after_any: JobsLike | None
    after_fail: JobsLike | None


_CONVERSIONS: dict[str, Callable[[str, Any], Any]] = {
    "argv": lambda _, value: arguments.command_words(value),
    "cwd": arguments.absolute_path,
    "not_before": arguments.aware,
    **dict.fromkeys(("retry_on", "args"), arguments.string_list),
    "backoff_s": lambda name, value: [
        arguments.seconds(name, each) for each in arguments.as_list(name, "a list of durations", value)
    ],
    "parent": lambda _, value: arguments.job_id(value) or None,
    **dict.fromkeys(("after", "after_any", "after_fail"), lambda _, value: arguments.job_ids(value)),
    **dict.fromkeys(("env", "tags", "needs"), arguments.string_map),
    **dict.fromkeys(
        ("timeout_s", "expires_s", "job_timeout_s", "stall_timeout_s", "start_in_s"),
        arguments.seconds,
    ),
}
"""Option -> what makes the field's value of it; other options are passed on."""


def dispatch_request(project: ProjectLike, task: str | None, options: Mapping[str, Any]) -> requests.Dispatch:
    """A dispatch that may be sent again: without `key` it gets a random one. Raises ArgumentError.

    options: those of DispatchOptions. The default `parent` is the job in which this program runs, if any; an empty
    one dispatches a job without a parent.
    """
    fields = _fields(options, DispatchOptions, "dispatch")
    fields["key"] = fields.get("key") or _random_key()
    if "parent" not in fields:
        fields["parent"] = current_job() or None
    fields |= {
        "project": arguments.project_text(project),
        "task": task,
        "client_env": client_env(),
        "umask": process_umask(),
    }
    return _checked(fields, requests.Dispatch)


def again_request(job: str, task: str | None) -> requests.Again:
    """A repetition of a job that may be sent again, because it has a random key."""
    return requests.Again(
        job=job,
        task=task,
        key=_random_key(),
        client_env=client_env(),
        umask=process_umask(),
        parent=current_job() or None,
    )


def scheduled_dispatch(project: ProjectLike, task: str | None, options: Mapping[str, Any]) -> requests.Dispatch:
    """The dispatch of a schedule, without a key: each of its jobs gets one from the daemon. Raises ArgumentError."""
    return msgspec.structs.replace(dispatch_request(project, task, options), key=None)


def graph_request(jobs: Sequence[GraphJob], key: str | None, parent: JobLike | None) -> requests.Graph:
    """A graph that may be sent again: without `key` it gets a random one. Raises ArgumentError.

    parent: None is the job in which this program runs, if any; an empty one is none.
    """
    return requests.Graph(
        jobs=[_node(number, job) for number, job in enumerate(arguments.as_list("jobs", "a list of jobs", jobs), 1)],
        key=key or _random_key(),
        client_env=client_env(),
        parent=(current_job() if parent is None else arguments.job_id(parent)) or None,
        umask=process_umask(),
    )


def edit_request(job: JobLike, options: Mapping[str, Any]) -> requests.Edit:
    """A change of a queued job. Raises ArgumentError. options: those of EditOptions."""
    return _checked({"job": arguments.job_id(job), **_fields(options, EditOptions, "edit")}, requests.Edit)


def is_full_id(job: str) -> bool:
    """True for a job's complete id; False for a part of one, `agent:PROJECT:ID` and `@last`."""
    return _FULL_ID.fullmatch(job) is not None


def _node(number: int, job: Any) -> requests.Node:
    place = f"job {number} of the graph"
    fields = _fields(arguments.string_map(place, job), GraphJob, place)
    if "project" not in fields:
        raise ArgumentError(f"{place} has no project")
    return _checked(fields | {"project": arguments.project_text(fields["project"])}, requests.Node, place)


def _fields(options: Mapping[str, Any], known: Any, place: str) -> dict[str, Any]:
    """The options that are not None, with the values of the wire. Raises ArgumentError for an unknown one."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        if name not in known.__annotations__:
            raise _unknown_option(place, name, known.__annotations__)
        if value is not None:
            found[name] = _CONVERSIONS[name](name, value) if name in _CONVERSIONS else value
    return found


def _unknown_option(place: str, name: str, known: Iterable[str]) -> ArgumentError:
    from difflib import get_close_matches

    near = get_close_matches(str(name), known, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"The options are {', '.join(known)}."
    return ArgumentError(f"{place}: unknown option '{name}'", hint)


def _checked(fields: dict[str, Any], kind: type[T], place: str = "") -> T:
    """The request with these fields. Raises ArgumentError for a field of a wrong type."""
    try:
        with TYPES_LOCK:
            return msgspec.convert(fields, kind)
    except (msgspec.ValidationError, ValueError) as exc:
        from luzia_protocol.invalid_data import describe_invalid_value

        what = describe_invalid_value(str(exc))
        raise ArgumentError(f"{place}: {what}" if place else what) from exc


def _random_key() -> str:
    return f"auto-{os.urandom(12).hex()}"
