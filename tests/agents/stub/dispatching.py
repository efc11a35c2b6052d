"""What the stand-in for a model says in the scenarios in which an agent hands work to luzia with its MCP server.

mcp            a job is dispatched and waited for, and the closing text has its verdict
mcp-endless    the same, with a job that does not end by itself
mcp-runaway    the job is another agent in this very scenario, for ever
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agents.stub.asked import Asked, Body

if TYPE_CHECKING:
    from agents.stub.script import Step

TASKS = {"mcp": "echo the sub-job speaks", "mcp-endless": "exec sleep 600"}
SCENARIOS = (*TASKS, "mcp-runaway")

_MOST_SEARCHES = 500
"""Codex asks its model before its MCP servers have started, and finds their tools later."""
_MOST_WAITS = 50
"""Claude Code asks its model before its MCP servers have started, too, when a person is at its screen."""
_PREFIX = re.compile(r"^(mcp__)?luzia_{1,2}")
_JOB = re.compile(r'"job\W+(\d{6}-[0-9a-f]{4,})')
_STATE = re.compile(r'"state\W+(completed|failed|cancelled)\b')
_ERROR = re.compile(r"\b(too_deep|too_many_sub_jobs): [^\"\\]*")


def next_step(asked: Asked, step: type[Step]) -> Step:
    """What the model says next. step: makes it."""
    called = [_PREFIX.sub("", name) for name in asked.calls]
    jobs = _JOB.findall(asked.whole)
    if found := _ERROR.search(asked.whole):
        return step(f"I stop here: {found[0]}")
    if "dispatch" not in called:
        is_found = "mcp__luzia" in asked.whole
        if "tool_search" in asked.tools and not is_found and called.count("tool_search") < _MOST_SEARCHES:
            return step("I look for the tool.", "tool_search", {"query": "luzia dispatch wait", "limit": 10})
        if "Bash" in asked.tools and "mcp__luzia__dispatch" not in asked.tools and called.count("Bash") < _MOST_WAITS:
            return step("I wait for the tool.", "Bash", {"command": "true", "description": "Wait"})
        return _call(asked, step, "dispatch", _task(asked))
    states = _STATE.findall(asked.whole)
    if jobs and not states:
        return _call(asked, step, "wait", {"jobs": [jobs[-1]]})
    return step(f"The job {jobs[-1] if jobs else 'that I wanted'} is {states[-1] if states else 'not there'}.")


def _task(asked: Asked) -> Body:
    if asked.scenario == "mcp-runaway":
        return {"task": "Go on. stub:mcp-runaway"}
    return {"task": TASKS[asked.scenario], "agent": "shell"}


def _call(asked: Asked, step: type[Step], name: str, given: Body) -> Step:
    """A call of a tool of luzia's, which each agent names in its own way."""
    for offered in (f"mcp__luzia__{name}", f"luzia_{name}"):
        if offered in asked.tools:
            return step("I use luzia.", offered, given)
    made = step("I use luzia.", name, given)
    made.namespace = "mcp__luzia"
    return made
