"""Validates how a job's agent is launched: in a git worktree, with leave to ask, with options of its own."""

from __future__ import annotations

import os

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.graphs import NODE_NAME
from luzia_protocol.jobs import LaunchOptions
from luzia_protocol.requests import MAX_BASE_CHARS, Dispatch

from luziad.agents.base import Adapter
from luziad.agents.options import find_unsupported, is_empty
from luziad.config.rules import REF, describe_value
from luziad.config.schema import ProjectConfig
from luziad.handlers.dispatch.inputs import validate_agent_words, validate_system_prompt
from luziad.jobs.dependencies import Dependencies
from luziad.jobs.retry_state import SESSION
from luziad.jobs.table import JobTable
from luziad.operations.programs import Programs

MAX_UMASK = 0o777


def validate_launch_options(request: Dispatch, project: ProjectConfig, adapter: Adapter) -> LaunchOptions | None:
    """The job's launch options, from the request or else its project; None for the defaults.

    adapter: that of its agent. Raises Refused.
    """
    has_options = not is_empty(request)
    if has_options:
        _validate_agent_options(request, adapter)
    if request.agent is None and request.argv is None and not is_empty(project):
        _validate_project_options(project, adapter)
    can_ask = adapter.respond is not None
    if request.ask and not can_ask:
        raise Refused(ErrorCode.CANNOT_ASK, "the agent of this job does not support questions")
    worktree = project.worktrees.enabled if request.worktree is None else request.worktree
    if request.base is not None or request.with_work:
        _validate_base(request)
        worktree = True
    ask = project.ask and can_ask if request.ask is None else request.ask
    system_prompt = request.system_prompt or ""
    if system_prompt:
        validate_system_prompt(system_prompt, request)
    if not (worktree or ask or system_prompt or has_options):
        return None
    return LaunchOptions(
        worktree=worktree,
        ask=ask,
        system_prompt=system_prompt,
        model=request.model,
        permission_mode=request.permission_mode,
        args=request.args,
        base=request.base,
        with_work=request.with_work,
    )


def validate_with_work(after: Dependencies | None, table: JobTable) -> None:
    """Check what is visible of the job with whose work a worktree begins. Raises Refused."""
    parents = after.parents if after is not None else ()
    if len(parents) != 1:
        message = f"`with_work` requires exactly one job that this one depends on, not {len(parents)}"
        raise Refused(ErrorCode.BAD_REQUEST, message, "Name it with `--after`, `--after-any` or `--after-fail`.")
    parent = table.get(parents[0])  # None in a graph: its worktree is looked up when the job starts
    if parent is not None and not parent.wants_worktree:
        raise Refused(ErrorCode.NO_WORKTREE, f"job {parent.id} has no worktree whose work this job could start from")


def validate_race(request: Dispatch, after: Dependencies | None) -> dict[str, str]:
    """The tags of a job that is part of a race. Raises Refused unless it can have a worktree and a valid id."""
    race = request.race
    assert race is not None
    if not NODE_NAME.fullmatch(race.id):
        raise Refused(ErrorCode.BAD_REQUEST, f"invalid race '{race.id[:80]}'")
    if not request.worktree and not request.with_work:
        raise Refused(ErrorCode.BAD_REQUEST, "a job that is part of a race requires `worktree`")
    if race.check and not request.with_work:
        raise Refused(ErrorCode.BAD_REQUEST, "the verification job of a race requires `with_work`")
    if race.first and not race.check:
        raise Refused(ErrorCode.BAD_REQUEST, "`first` applies only to the verification job of a race")
    racer = {"verify": after.parents[0]} if race.check and after is not None else {}
    return {"race": race.id, **racer}


def _validate_base(request: Dispatch) -> None:
    """Check what is visible of the commit at which a worktree begins; git decides when the worktree is created."""
    base = request.base
    if request.worktree is False:
        key = "with_work" if base is None else "base"
        raise Refused(ErrorCode.BAD_REQUEST, f"`{key}` requires a worktree, and `worktree` is false")
    if base is None:
        return
    if request.with_work:
        raise Refused(ErrorCode.BAD_REQUEST, "`base` and `with_work` exclude each other")
    if not REF.accepts(base) or len(base) > MAX_BASE_CHARS:
        message = f"`base` must be {REF.expected}, not {describe_value(base)}"
        raise Refused(ErrorCode.BAD_REQUEST, message)


def _validate_agent_options(request: Dispatch, adapter: Adapter) -> None:
    """Check that the agent supports what the request chooses."""
    for name in ("model", "permission_mode", "args"):
        validate_agent_words(name, getattr(request, name))
    for words in find_unsupported(request, adapter).values():
        raise Refused(ErrorCode.UNSUPPORTED_OPTION, words)


def _validate_project_options(project: ProjectConfig, adapter: Adapter) -> None:
    """Check that the agent supports what the project chooses. Not called when the request names another agent."""
    for key, words in find_unsupported(project, adapter).items():
        hint = f"Name another agent with --agent, or remove `{key}` from the project in config.toml."
        raise Refused(ErrorCode.UNSUPPORTED_OPTION, f"{words}; the project's configuration sets it", hint)


def validate_session(session: str, adapter: Adapter) -> None:
    """Raise Refused for a session that the agent cannot resume, or whose id is not one."""
    if not adapter.can_resume:
        raise Refused(ErrorCode.NO_SESSION, f"agent {adapter.name} cannot resume a session")
    if not SESSION.fullmatch(session):
        raise Refused(ErrorCode.BAD_REQUEST, "`session` must be an id of letters, digits and . _ : -")


def validate_umask(umask: int | None) -> None:
    """Raise Refused for an invalid umask."""
    if umask is not None and not 0 <= umask <= MAX_UMASK:
        raise Refused(ErrorCode.BAD_REQUEST, f"`umask` must be from 0 to {MAX_UMASK} (0o777), not {umask}")


def validate_repository(directory: str, path: str, programs: Programs) -> None:
    """Check what is visible without running git; the rest fails when the worktree is created.

    directory: where the job would run without a worktree. path: its PATH. Raises Refused.
    """
    if programs.which("git", path) is None:
        raise Refused(ErrorCode.NO_GIT, "a worktree needs git, which is not on the PATH of the job")
    parent = os.path.realpath(directory)
    while not os.path.lexists(os.path.join(parent, ".git")):
        if all(os.path.exists(os.path.join(parent, each)) for each in ("HEAD", "objects", "refs")):
            hint = f"Clone it (`git clone {parent}`) and dispatch in the clone, or dispatch with `--no-worktree`."
            raise Refused(ErrorCode.NO_REPOSITORY, f"{parent} is a bare git repository, without a working tree", hint)
        if parent == "/":
            raise Refused(ErrorCode.NO_REPOSITORY, f"{directory} is not in a git repository")
        parent = os.path.dirname(parent)
