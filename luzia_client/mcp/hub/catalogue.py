"""The table of tools: what clients are told of each. They choose a tool by the first sentence of its description."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec
from mcp.server.context import HandlerResult
from mcp_types import Tool, ToolAnnotations

from luzia_client.mcp.hub import arguments, results, tools
from luzia_client.mcp.hub.schema import schema_of

INSTRUCTIONS = """\
luzia runs coding agents in the background and remembers everything. Pass work to it with `dispatch`, continue with \
your own, and call `wait` when you need the result. A job outlives this conversation: its id is all that you need to \
find it again. A job's agent sees nothing but its task, so write tasks that are complete in themselves."""

IN_A_JOB = """
You yourself run in luzia's job {job}. What you dispatch are its sub-jobs: they are cancelled with it, their cost \
counts against its budget, and how many there may be, and how deep, is limited."""


class Entry(NamedTuple):
    """A tool. call: what does it. given: its arguments. result: what it returns. hints: for the client."""

    name: str
    description: str
    call: Callable[[Any, Any], Awaitable[msgspec.Struct | HandlerResult]]
    given: type[msgspec.Struct]
    result: type[msgspec.Struct]
    hints: ToolAnnotations

    def for_client(self) -> Tool:
        """The tool as clients see it."""
        return Tool(
            name=self.name,
            description=self.description,
            input_schema=schema_of(self.given),
            output_schema=schema_of(self.result),
            annotations=self.hints,
        )


_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True)
_ENDS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)

_ENTRIES = (
    Entry(
        "dispatch",
        "Use this to dispatch a task to another coding agent, which works in the background while you continue."
        " Returns the job's id at once; the job survives the end of this conversation. Dispatch several for work that"
        " can be done at the same time, each with `worktree` if they change files of the same project.",
        tools.dispatch,
        arguments.Dispatch,
        results.DispatchReport,
        _ADDS,
    ),
    Entry(
        "run",
        "Use this to dispatch a task to another coding agent when you have nothing else to do until its result."
        " It is `dispatch` and `wait` in one. A task that takes longer than a call may is not lost: the result then"
        " says how to continue.",
        tools.run,
        arguments.Dispatch,
        results.WaitReport,
        _ADDS,
    ),
    Entry(
        "wait",
        "Use this to wait for the end of jobs that you have dispatched."
        " Returns when all have ended, when one asks a question, or after 45 s with what is known; then call it again.",
        tools.wait,
        arguments.Wait,
        results.WaitReport,
        _READS,
    ),
    Entry(
        "status",
        "Use this to see how far a job is, why it waits, or how it ended, without waiting.",
        tools.status,
        arguments.OneJob,
        results.JobReport,
        _READS,
    ),
    Entry(
        "list",
        "Use this to find jobs whose ids you do not know: by words, of a project, in a state, or dispatched by a job.",
        tools.list_jobs,
        arguments.List,
        results.ListReport,
        _READS,
    ),
    Entry(
        "search",
        "Use this to find what any job's agent read, did or said: a decision, an error message, a file, a command."
        " Searches the tasks, messages, changed files and transcripts of all jobs, and returns excerpts.",
        tools.search,
        arguments.Search,
        results.SearchReport,
        _READS,
    ),
    Entry(
        "logs",
        "Use this to read what a job's agent did and said, for example to see why it failed."
        " Returns the end of its output; the resource luzia://jobs/ID/log has all of it.",
        tools.logs,
        arguments.Logs,
        results.LogReport,
        _READS,
    ),
    Entry(
        "diff",
        "Use this to review what a job with a worktree changed, before you rely on it or merge it."
        " Returns the changed files and the beginning of the patch; the resource luzia://jobs/ID/diff has all of it.",
        tools.diff,
        arguments.OneJob,
        results.DiffReport,
        _READS,
    ),
    Entry(
        "answer",
        "Use this to answer a question or a request for permission of a job whose state is `waiting`."
        " Allow only what the task needs, and ask the user when in doubt.",
        tools.answer,
        arguments.Answer,
        results.ChangeReport,
        _ADDS,
    ),
    Entry(
        "send",
        "Use this to tell a job's agent something more, in the same session, for example what to correct."
        " A job that has ended is queued again for it.",
        tools.send,
        arguments.Send,
        results.ChangeReport,
        _ADDS,
    ),
    Entry(
        "cancel",
        "Use this to end a job that is not needed any more, with all its processes and sub-jobs.",
        tools.cancel,
        arguments.OneJob,
        results.ChangeReport,
        _ENDS,
    ),
)
MERGE = Entry(
    "merge",
    "Use this to merge the branch of a completed job into its project, once you have reviewed it with `diff`."
    " If the project has a verification, it runs on the merged files first. If it fails, or on a conflict, nothing is"
    " changed.",
    tools.merge,
    arguments.Merge,
    results.MergeReport,
    ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=False),
)

TOOLS = {entry.name: entry for entry in (*_ENTRIES, MERGE)}
"""All of them; `merge` is offered only where the configuration allows it."""
