"""What both clients ask with: the parts of their requests that need more than the struct."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict

import msgspec

from luzia_protocol import requests, schedules
from luzia_protocol.environment import absolute_path, client_env, current_job, is_path
from luzia_protocol.jobs import Outcome

CLEAN_TIMEOUT_S = 3600.0
"""Git may have a large tree to look at and to delete."""

StreamName = Literal["stdout", "stderr"]
Encoding = Literal["text", "base64"]
Render = Literal["none", "text", "colour"]

CHANGES_NOTHING = (
    requests.Hello,
    requests.Status,
    requests.List,
    requests.Logs,
    requests.GraphShow,
    requests.Projects,
    requests.Agents,
    requests.Info,
    schedules.ScheduleList,
    schedules.ScheduleShow,
)
"""Requests after which every job is as it was."""

RESENDABLE = (
    *CHANGES_NOTHING,
    requests.ReportProgress,
    requests.Import,  # what is there already stays as it is
    requests.Reload,
    requests.Dispatch,  # dispatch_request gives each one a key
    requests.Graph,  # as does graph_request
    schedules.SchedulePause,
    schedules.ScheduleResume,
)
"""Requests that do no harm when they are made twice, because nobody knows whether the first one arrived."""

_WHOLE_ID = re.compile(r"\d{6}-[0-9a-f]{4,}")


class DispatchOptions(TypedDict, total=False):
    """What `dispatch` takes beside project and task; luzia_protocol.requests.Dispatch tells what each field means.

    Names that end in `_s` are seconds, those that end in `_bytes` bytes. None is as if it were not given.
    """

    argv: str | Sequence[str] | None
    agent: str | None
    key: str | None
    env: Mapping[str, str] | None
    cwd: str | None
    timeout_s: float | None
    not_before: datetime | None
    retries: int | None
    retry_on: list[Outcome] | None
    backoff_s: list[float] | None
    expires_s: float | None
    job_timeout_s: float | None
    auto_resume: bool | None
    max_cost_usd: float | None
    max_turns: int | None
    after: str | Sequence[str] | None
    after_any: str | Sequence[str] | None
    after_fail: str | Sequence[str] | None
    tags: Mapping[str, str] | None
    stall_timeout_s: float | None
    max_memory_bytes: int | None
    max_processes: int | None
    max_cpus: float | None
    worktree: bool | None
    priority: int | None
    needs: Mapping[str, int] | None
    cpus: float | None
    memory_bytes: int | None
    ask: bool | None
    start_in_s: float | None
    hold: bool | None
    parent: str | None


class Changes(TypedDict, total=False):
    """What `edit` can change of a queued job. None leaves it as it is.

    task: what it is to do. priority: -100 to 100. after, after_any, after_fail: ids of the jobs that must complete,
    end, or fail before it starts; an empty list takes them away.
    """

    task: str | None
    priority: int | None
    after: list[str] | None
    after_any: list[str] | None
    after_fail: list[str] | None


def dispatch_request(project: str, task: str | None, options: DispatchOptions) -> requests.Dispatch:
    """A dispatch that may be sent again: with a random key when it has none. Raises TypeError for unknown options.

    Its `parent` is the job in which this program runs, if any; an empty one dispatches a job of its own.
    """
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    given.setdefault("parent", current_job())
    given["parent"] = given["parent"] or None
    if "cwd" in given:
        given["cwd"] = absolute_path(given["cwd"])
    for name in ("argv", "after", "after_any", "after_fail"):
        if name in given:
            given[name] = several(given[name])
    if "needs" in given:
        given["needs"] = dict(given["needs"])
    for name in ("env", "tags"):
        if name in given:
            given[name] = dict(given[name])
    given["key"] = given.get("key") or f"auto-{os.urandom(12).hex()}"
    return requests.Dispatch(
        project=absolute_path(project) if is_path(project) else project, task=task, client_env=client_env(), **given
    )


def scheduled_job(project: str, task: str | None, options: DispatchOptions) -> requests.Dispatch:
    """What a schedule dispatches; the key of each job is the daemon's to choose. Raises TypeError."""
    return msgspec.structs.replace(dispatch_request(project, task, options), key=None)


def graph_request(jobs: Sequence[Mapping[str, Any]], key: str | None, parent: str | None) -> requests.Graph:
    """A graph that may be sent again: with a random key when it has none. Raises msgspec.ValidationError.

    parent: None is the job in which this program runs, if any; empty is none.
    """
    parent = current_job() if parent is None else parent
    nodes = [msgspec.convert({**job, "project": _project(job.get("project"))}, requests.Node) for job in jobs]
    key = key or f"auto-{os.urandom(12).hex()}"
    return requests.Graph(jobs=nodes, key=key, client_env=client_env(), parent=parent or None)


def _project(project: object) -> object:
    return absolute_path(project) if isinstance(project, str) and is_path(project) else project


def several(words: str | Sequence[str]) -> list[str]:
    """One word or many as a list: a string must not be taken for its letters."""
    return [words] if isinstance(words, str) else [*words]


def is_whole_id(job: str) -> bool:
    """True for a job's whole id; False for a part of one, `agent:PROJECT:ID` and `@last`."""
    return _WHOLE_ID.fullmatch(job) is not None
