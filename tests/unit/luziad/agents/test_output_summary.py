"""Readers understand what a stream holds, say None for what it does not, and keep little."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import msgspec
import pytest

from luzia_protocol.activity import PlanItem, SessionTotals

from luziad.agents.base import OutputSummary, UsageLimit
from luziad.agents.registry import BUILT_IN
from luziad.agents.summary_builder import (
    MAX_COUNT,
    MAX_FILES,
    MAX_FILES_CHARS,
    MAX_MESSAGE_CHARS,
    MAX_PLAN_ITEMS,
    MAX_TOOL_NAMES,
    SummaryBuilder,
)
from unit.luziad.agents.recordings import RECORDINGS, Recording, exited, recording

Event = dict[str, Any]
READ_AGENTS = ["claude", "codex", "gemini", "opencode", "vibe"]


def understood(run: Recording) -> OutputSummary:
    """What is understood of a recording."""
    reader = run.reader()
    for line in run.stdout.split(b"\n"):
        reader.feed(line)
    reader.verdict(exited(run.exit_code), run.stderr[-8192:])
    return reader.summary()


def of(agent: str, *events: Event | bytes) -> OutputSummary:
    """What is understood of these events or lines."""
    reader = BUILT_IN[agent].reader()
    for event in events:
        reader.feed(event if isinstance(event, bytes) else json.dumps(event).encode())
    return reader.summary()


SUCCESS = OutputSummary(
    phase="writing",
    turns=3,
    tool_calls=2,
    files=["/home/dev/project/hello.txt"],
    plan_done=0,
    plan_total=2,
    plan=[PlanItem("Write hello.txt", "in_progress"), PlanItem("Report back", "pending")],
    tokens_in=3600,
    tokens_out=102,
    tokens_cached=0,
    last_message="Done: I wrote hello.txt with a short greeting.",
)


@pytest.mark.parametrize(
    ("agent", "differently"),
    [
        (
            "claude",
            {
                "session": "cfa8e9b0-f926-4d1a-824f-5f135cd85278",
                "model": "claude-sonnet-4-5",
                "version": "2.1.330",
                "tools": {"TaskCreate": 1, "Write": 1},
                "plan_total": 1,
                "plan": [PlanItem("Write hello.txt", "pending")],
                "cost_usd": 0.01233,
                "totals": SessionTotals(3600, 102, 0, 0.01233),
                "events": 9,
            },
        ),
        (
            "codex",
            {
                "session": "01a20a44-f8b2-7293-bb2f-cdd6bd012f11",
                "turns": 1,
                "tool_calls": 1,
                "tools": {"edit": 1},
                "plan": [PlanItem("Write hello.txt", "pending"), PlanItem("Report back", "pending")],
                "totals": SessionTotals(3600, 102, 0),
                "events": 10,
            },
        ),
        (
            "gemini",
            {
                "session": "c756b286-a77c-4183-8546-d23ae20b4876",
                "model": "gemini-2.5-flash",
                "tools": {"write_todos": 1, "write_file": 1},
                "events": 16,
            },
        ),
        (
            "opencode",
            {"session": "ses_df5ba9dd8ffeWOMhDJAlyaXkYF", "tools": {"todowrite": 1, "write": 1}, "events": 11},
        ),
        (
            "vibe",
            {
                "session": "a25b7b82-7968-2970-9e8d-e49410821513",
                "tools": {"vibe.todo": 1, "file_system.write_file": 1},
                "tokens_in": None,
                "tokens_out": None,
                "tokens_cached": None,
                "events": 6,
            },
        ),
        (
            "copilot",
            {
                "session": "11111111-2222-4333-8444-555555555555",
                "model": "stub-model",
                "turns": 2,
                "tool_calls": 1,
                "tools": {"bash": 1},
                "files": [],  # written by a command
                "plan_done": None,
                "plan_total": None,
                "plan": [],
                "tokens_in": None,
                "tokens_out": None,
                "tokens_cached": None,
                "events": 66,
            },
        ),
        (
            "qwen",
            {
                "session": "065303a9-da4c-4e0d-a9dc-47538bb9cd4d",
                "model": "stub-model",
                "version": "0.15.10",
                "tools": {"todo_write": 1, "write_file": 1},
                "files": ["/home/user/project/hello.txt"],
                "events": 9,
            },
        ),
        (
            "pi",
            {
                "session": "01a229b0-489f-71bd-b801-a2150955ee49",
                "model": "stub-model",
                "turns": 2,
                "tool_calls": 1,
                "tools": {"write": 1},
                "files": ["/home/user/project/hello.txt"],
                "plan_done": None,
                "plan_total": None,
                "plan": [],
                "tokens_in": 2400,
                "tokens_out": 68,
                "cost_usd": 0.00822,
                "events": 36,
            },
        ),
    ],
)
def test_a_successful_run_is_understood_whole(agent: str, differently: dict[str, Any]) -> None:
    assert understood(recording(f"{agent}/success")) == msgspec.structs.replace(SUCCESS, **differently)


@pytest.mark.parametrize("run", RECORDINGS, ids=lambda run: run.name)
def test_what_is_true_of_every_recording(run: Recording) -> None:
    known = understood(run)
    assert known.events + known.noise_lines == sum(bool(line.strip()) for line in run.stdout.split(b"\n"))
    assert known.cost_usd is None or known.cost_usd > 0
    assert known.session or not known.events or run.name == "copilot/sigterm"  # it tells its session at its end
    assert sum(known.tools.values()) == known.tool_calls
    assert (known.plan_total is None) == (not known.plan)
    assert (known.usage_limit is not None) == (run.scenario == "error-usage-limit")
    assert msgspec.json.decode(msgspec.json.encode(known), type=OutputSummary) == known


def test_when_the_provider_names_the_reset_it_is_known() -> None:
    limit = understood(recording("opencode/error-usage-limit")).usage_limit
    assert limit is not None
    assert limit.resets_at == 1795470497.0


def test_a_shell_is_not_understood() -> None:
    assert of("shell", b'{"type":"result"}', b"text") == OutputSummary()


def said(message: str = "m1", *blocks: Event, usage: Event | None = None, **more: Any) -> Event:
    """Claude's model says something."""
    content = {"id": message, "model": "m", "content": list(blocks), "usage": usage or {}}
    return {"type": "assistant", "message": content, **more}


def call(name: str, number: int = 1, **given: Any) -> Event:
    """A block that calls a tool of Claude's."""
    return {"type": "tool_use", "id": f"t{number}", "name": name, "input": given}


def done(number: int = 1, **more: Any) -> Event:
    """A tool of Claude's has ended."""
    block = {"type": "tool_result", "tool_use_id": f"t{number}", **more}
    return {"type": "user", "message": {"content": [block]}}


USAGE = {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 2}


def test_claude_counts_a_message_once_although_it_comes_in_many_lines() -> None:
    known = of("claude", said("a", usage=USAGE), said("b", usage=USAGE), said("a", usage=USAGE), said("b"))
    assert (known.turns, known.tokens_in, known.tokens_out, known.tokens_cached) == (2, 32, 2, 8)


def test_claude_totals_are_those_of_the_result_and_go_on_from_there() -> None:
    model = {"inputTokens": 50, "outputTokens": 20, "cacheReadInputTokens": 30, "cacheCreationInputTokens": 5}
    result = {"type": "result", "usage": USAGE, "modelUsage": {"m": model, "n": model}, "total_cost_usd": 0.25}
    known = of("claude", said("a", usage=USAGE), result)
    assert (known.tokens_in, known.tokens_out, known.tokens_cached, known.cost_usd) == (170, 40, 60, 0.25)
    later = of("claude", said("a", usage=USAGE), result, said("b", usage=USAGE))
    assert (later.tokens_in, later.tokens_out, later.cost_usd) == (186, 41, 0.25)


def test_claude_tokens_that_nobody_told_are_unknown_and_not_zero() -> None:
    known = of("claude", said("a"), {"type": "result", "subtype": "success"})
    assert (known.turns, known.tokens_in, known.tokens_out, known.tokens_cached) == (1, None, None, None)


def test_claude_files_are_those_that_were_written_also_by_its_sub_agents() -> None:
    theirs = {"parent_tool_use_id": "t0"}
    known = of(
        "claude",
        said("a", call("Write", 1, file_path="/a"), call("Read", 2, file_path="/b"), call("Edit", 3, file_path="/c")),
        done(1),
        done(2),
        done(3, is_error=True),
        said("b", call("NotebookEdit", 4, notebook_path="/d"), {"type": "text", "text": "theirs"}) | theirs,
        done(4) | theirs,
        said("c", call("MultiEdit", 5, file_path="/never ended")),
    )
    assert known.files == ["/a", "/d"]
    assert known.tools == {"Write": 1, "Read": 1, "Edit": 1, "NotebookEdit": 1, "MultiEdit": 1}
    assert (known.turns, known.phase, known.last_message) == (2, "tool MultiEdit", None)


def test_claude_tasks_keep_their_words_when_only_their_state_changes() -> None:
    created = done(1) | {"tool_use_result": {"task": {"id": "7"}}}
    known = of(
        "claude",
        said("a", call("TaskCreate", 1, subject="Write")),
        created,
        said("b", call("TaskUpdate", 2, taskId="7", status="completed")),
        done(2),
        said("c", call("TaskUpdate", 3, taskId="7", subject="Write it")),
        done(3),
    )
    assert known.plan == [PlanItem("Write it", "completed")]


def test_codex_tokens_are_the_total_of_the_thread() -> None:
    def completed(read: int) -> Event:
        return {"type": "turn.completed", "usage": {"input_tokens": read, "cached_input_tokens": 5, "output_tokens": 2}}

    known = of("codex", {"type": "turn.started"}, completed(10), {"type": "turn.started"}, completed(30))
    assert (known.turns, known.tokens_in, known.tokens_out, known.tokens_cached) == (2, 30, 2, 5)
    assert known.cost_usd is None


def test_codex_tools_are_counted_once_whether_or_not_their_start_is_told() -> None:
    def item(event: str, **fields: Any) -> Event:
        return {"type": f"item.{event}", "item": fields}

    shell = {"id": "1", "type": "command_execution"}
    change = {"type": "file_change", "changes": [{"path": "/a"}, {"path": "/b"}, 3]}
    known = of(
        "codex",
        item("started", **shell),
        item("updated", **shell),
        item("completed", **shell),
        item("completed", id="2", **change, status="completed"),
        item("completed", id="3", type="file_change", changes=[{"path": "/refused"}], status="failed"),
        item("completed", id="4", type="mcp_tool_call", tool="look"),
    )
    assert known.tools == {"shell": 1, "edit": 2, "look": 1}
    assert known.files == ["/a", "/b"]


def test_opencode_steps_are_summed_and_no_price_is_not_zero_dollars() -> None:
    def step(cost: Any) -> Event:
        tokens = {"input": 10, "output": 3, "reasoning": 2, "cache": {"read": 4, "write": 1}}
        return {"type": "step_finish", "part": {"reason": "stop", "cost": cost, "tokens": tokens}}

    known = of("opencode", step(0.5), step(0.25))
    assert (known.tokens_in, known.tokens_out, known.tokens_cached, known.cost_usd) == (30, 10, 8, 0.75)
    for nothing in (0, 0.0, None, "1", -1, True, 1e300):
        assert of("opencode", step(nothing)).cost_usd is None


def test_gemini_messages_are_put_together_from_their_pieces() -> None:
    def piece(words: str) -> Event:
        return {"type": "message", "role": "assistant", "content": words, "delta": True}

    tool = {"type": "tool_use", "tool_name": "read_file", "tool_id": "1"}
    known = of("gemini", piece("a"), piece("b"), tool, {"type": "tool_result", "tool_id": "1"}, piece("c"), piece("d"))
    assert (known.last_message, known.turns) == ("cd", 2)


@pytest.mark.parametrize("agent", READ_AGENTS)
def test_lines_that_hold_no_event_are_counted_and_blank_ones_are_not(agent: str) -> None:
    known = of(agent, b"", b"  \r", b"Warning: x", b"{", b"null", b"[1]", b"\xff", b'{"type":"of_tomorrow"}', b"{}")
    assert (known.events, known.noise_lines) == (2, 5)


VALUES: list[Any] = [None, True, -1, 2**70, 1e308, "x", "", [], [[]], [1, "x", None, {}], {}, {"a": {}}, "x" * 10_000]
"""What may stand where an adapter expects something else."""


def hostile(agent: str, value: Any) -> list[Event]:
    """The lines of a recording, with this value in the place of each value in turn, two levels deep."""
    lines = []
    for event in map(json.loads, recording(f"{agent}/success").stdout.splitlines()):
        for key, inner in event.items():
            lines.append({**event, key: value})
            if isinstance(inner, dict):
                lines.extend({**event, key: {**inner, name: value}} for name in inner)
    return lines


@pytest.mark.parametrize("agent", READ_AGENTS)
def test_no_value_in_the_wrong_place_harms_a_reader(agent: str) -> None:
    for value in VALUES:
        events = hostile(agent, value)
        known = of(agent, *events)
        assert known.events + known.noise_lines == len(events)
        assert len(msgspec.json.encode(known)) < 1_000_000
        assert all(0 <= number <= MAX_COUNT for number in (known.tokens_in or 0, known.tokens_out or 0))


@pytest.mark.parametrize("agent", READ_AGENTS)
def test_plans_and_their_words_are_bounded(agent: str) -> None:
    words = "w" * 3000
    todos = [
        {"content": words, "description": words, "text": f"{index} {words}"} for index in range(MAX_PLAN_ITEMS + 500)
    ]
    events: dict[str, Event] = {
        "claude": said("a", call("TodoWrite", todos=todos)),
        "codex": {"type": "item.started", "item": {"type": "todo_list", "items": todos}},
        "gemini": {"type": "tool_use", "tool_name": "write_todos", "parameters": {"todos": todos}},
        "opencode": {
            "type": "tool_use",
            "part": {"tool": "todowrite", "state": {"status": "completed", "input": {"todos": todos}}},
        },
        "vibe": {
            "type": "effect",
            "detail": {"kind": "todo", "input": {"todos": todos}},
            "state": {"status": "completed"},
        },
    }
    known = of(agent, events[agent])
    assert len(known.plan) == known.plan_total == MAX_PLAN_ITEMS
    assert {len(item.text) for item in known.plan} == {200}


def test_tools_files_and_messages_are_bounded_however_many_there_are() -> None:
    reader = BUILT_IN["claude"].reader()
    last = 2000
    tracemalloc.start()
    try:
        for number in range(last):
            words = {"type": "text", "text": "w" * 10_000}
            for event in (said(f"m{number}", call("Write", number, file_path=f"/{number}"), words), done(number)):
                reader.feed(json.dumps(event).encode())
            tool = said(f"n{number}", call(f"tool {number}", 2 * last + number), usage=USAGE)
            reader.feed(json.dumps(tool).encode())
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    known = reader.summary()
    assert held < 2_000_000
    assert (known.tool_calls, known.turns) == (2 * last, 2 * last)
    assert known.tools["Write"] == last
    assert len(known.tools) == MAX_TOOL_NAMES
    assert (len(known.files), known.more_files) == (MAX_FILES, True)
    assert len(known.last_message or "") == MAX_MESSAGE_CHARS


LIMITS = [
    "You've hit your session limit · resets 3:45pm",
    "You’ve hit your usage limit. Upgrade to Pro or try again at 9:44 PM.",
    "You've hit your usage limit. Try again at Sep 20th, 2026 4:00 PM.",
    "You've hit your usage limit. Try again in 2 days 17 hours 3 minutes.",
    "You've hit your limit · resets 10am",
    "Claude AI usage limit reached|1795470497",
    "You exceeded your current quota, please check your plan and billing details.",
    "You have exhausted your daily quota on this model.",
]
NO_LIMITS = [
    "Server is temporarily limiting requests (not your usage limit)",
    "API Error: Request rejected (429) · Rate limit reached for requests. Please try again later.",
    "API Error: 529 Overloaded",
    "Your workspace is out of credits. Ask your workspace owner to refill.",
    "exceeded retry limit, last status: 429 Too Many Requests",
    "This request would exceed your organization's rate limit of 40,000 input tokens per minute.",
]


def failing(agent: str, words: str) -> OutputSummary:
    """An agent that ends with these words of an error."""
    if agent == "vibe":
        reader = BUILT_IN["vibe"].reader()
        reader.verdict(exited(1), f"Error: {words}\n".encode())
        return reader.summary()
    synthetic = {"model": "<synthetic>", "content": [{"type": "text", "text": words}]}
    events: dict[str, Event] = {
        "claude": {"type": "assistant", "message": synthetic},
        "codex": {"type": "turn.failed", "error": {"message": words}},
        "gemini": {"type": "result", "status": "error", "error": {"message": words}},
        "opencode": {"type": "error", "error": {"name": "APIError", "data": {"message": words}}},
    }
    return of(agent, events[agent])


@pytest.mark.parametrize("agent", READ_AGENTS)
@pytest.mark.parametrize("words", LIMITS)
def test_the_words_of_a_usage_limit_are_known(agent: str, words: str) -> None:
    known = failing(agent, words)
    assert known.usage_limit is not None
    assert words in known.usage_limit.words
    assert known.phase == "usage limit"


@pytest.mark.parametrize("agent", READ_AGENTS)
@pytest.mark.parametrize("words", NO_LIMITS)
def test_a_busy_server_and_empty_credits_are_no_usage_limit(agent: str, words: str) -> None:
    assert failing(agent, words).usage_limit is None


def test_claude_tells_the_reset_in_an_event_and_the_limit_ends_with_an_answer() -> None:
    info = {"status": "rejected", "resetsAt": 1795470497, "rateLimitType": "five_hour"}
    rejected = {"type": "rate_limit_event", "rate_limit_info": info}
    assert of("claude", rejected).usage_limit == UsageLimit("usage limit five_hour", 1795470497.0)
    words = {"model": "<synthetic>", "content": [{"type": "text", "text": LIMITS[0]}]}
    told = of("claude", rejected, {"type": "assistant", "message": words})
    assert told.usage_limit == UsageLimit(LIMITS[0], 1795470497.0)
    assert of("claude", rejected, said("a", {"type": "text", "text": "Done"})).usage_limit is None
    warned = {"type": "rate_limit_event", "rate_limit_info": info | {"status": "allowed_warning"}}
    assert of("claude", warned).usage_limit is None


def test_a_refusal_of_claude_that_names_no_limit_comes_from_a_busy_server() -> None:
    rejected = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "isUsingOverage": False}}
    assert of("claude", rejected).usage_limit is None


def test_the_paths_of_written_files_have_a_limit_altogether() -> None:
    builder = SummaryBuilder()
    for number in range(400):
        builder.add_file(f"/{number}/{'x' * 4000}")
    summary = builder.summary()
    assert 0 < sum(map(len, summary.files)) <= MAX_FILES_CHARS
    assert summary.more_files
