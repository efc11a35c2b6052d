"""`luzia PROJECT` without a task, on a terminal: the user writes the task in an editor, and it is dispatched."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from luzia_protocol.environment import is_path
from luzia_protocol.errors import ErrorCode, Refused

from luzia_client.api.arguments import find_project
from luzia_client.api.client import Client
from luzia_client.cli.args.command_line import DispatchLine, decode_task
from luzia_client.cli.args.editor import edited
from luzia_client.cli.configuration import file, values
from luzia_client.cli.help.usage import missing_task_error
from luzia_client.cli.show.text import one_line

RECENT_TASKS = 5
_NOT_SHOWN = ("path", "agent", "env")
"""Settings that are shown otherwise, and variables, whose values may be secret."""


def run(line: DispatchLine, submit: Callable[[DispatchLine, str], int]) -> int:
    """Dispatch the task that the user writes; returns the exit status. Raises UsageError for an unknown project.

    submit: dispatches a task.
    """
    with Client() as client:
        notes = list(_notes(client, line))
    with edited("", notes) as text:
        return submit(line, decode_task(text, "the task"))


def _notes(client: Client, line: DispatchLine) -> Iterator[str]:
    """What the user may want to know of the project while writing."""
    name = line.project
    listed = client.list_projects()
    known = listed.projects
    project = find_project(known, name)
    if project is None and not is_path(name):
        _check_known(client, name)
    yield ""
    yield f"The task for {one_line(name if project is None else project.name)}. An empty text dispatches nothing."
    yield ""
    if project is not None:
        yield f"  directory  {one_line(project.path)}"
    agent = line.agent or ("" if project is None else project.agent or "")
    yield f"  agent      {one_line(agent) or 'the default one'}"
    yield from (f"  {field:<10} {one_line(str(value))}" for field, value in line.fields.items())
    yield from _settings(listed.config_file, name if project is None else project.name)
    yield ""
    yield "Options are given on the command line, such as --worktree:"
    yield "`luzia dispatch --help` lists them."
    try:
        recent = client.list_jobs([name], limit=RECENT_TASKS).jobs
    except Refused:
        return  # a directory without jobs
    if recent:
        yield ""
        yield "Recent tasks:"
        yield from (f"  {one_line(job.task, 100)}" for job in recent)


def _settings(config_file: str, project: str) -> Iterator[str]:
    """The project's settings as the file has them, unless it is on another host or cannot be read here."""
    if os.environ.get("LUZIA_HOST"):
        return
    try:
        settings = file.read_tables(config_file).get("projects", {}).get(project, {})
    except (OSError, Refused):
        return  # the daemon, which has read it, decides
    shown = {key: value for key, value in settings.items() if key not in _NOT_SHOWN}
    if shown:
        yield ""
        yield "Settings of the project:"
        yield from (f"  {one_line(line)}" for line in values.format_lines(shown))


def _check_known(client: Client, name: str) -> None:
    """Raise UsageError when neither the configuration nor a job knows the project."""
    try:
        client.list_jobs([name], limit=1)
    except Refused as refused:
        if refused.code is ErrorCode.UNKNOWN_PROJECT:
            raise missing_task_error(name) from refused
        raise
