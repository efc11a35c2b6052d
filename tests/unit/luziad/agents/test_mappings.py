"""What the expressions of a mapping can tell: lists, conditions, results of tools, repeats, limits, transcripts."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from luzia_protocol.activity import PlanItem, SessionTotals
from luzia_protocol.jobs import Outcome

from luziad.agents import registry
from luziad.agents.base import (
    Adapter,
    AgentOptions,
    CommandContext,
    OutputSummary,
    Reader,
    TotalsReader,
    UsageLimit,
)
from luziad.agents.transcript import Transcript
from luziad.config.check import check_config
from luziad.config.shipped_agents import NAMES, load_shipped
from luziad.jobs.attempt import FailureCause, Verdict
from support import ROOT
from unit.luziad.agents.recordings import ADAPTERS, exited

SHIPPED = ROOT / "luziad" / "config" / "shipped"

Line = dict[str, Any]


def adapter(mapping: str) -> Adapter:
    """The adapter of an agent with this mapping."""
    head = '[agents.mine]\ncommand = ["mine"]\nprompt = "stdin"\nreader = "jsonl"\n[agents.mine.jsonl]\n'
    return registry.build(check_config("config.toml", head + mapping).agents)["mine"]


def read(mapping: str, *lines: Line) -> Reader:
    """A reader that has read the lines."""
    reader = adapter(mapping).reader()
    for line in lines:
        reader.feed(json.dumps(line).encode())
    return reader


def known(mapping: str, *lines: Line) -> OutputSummary:
    """What is understood of the lines."""
    return read(mapping, *lines).summary()


def verdict(mapping: str, *lines: Line, code: int = 0) -> Verdict:
    """How an attempt that printed the lines is judged."""
    return read(mapping, *lines).verdict(exited(code), b"")


CALLS = """
tool = "assistant: content[?type == 'call'].{id: id, name: name, input: args, file: name == 'write' && args.path}"
result = "user: content[?type == 'result'].{id: id, failed: is_error, refused: code == 'denied', output: text}"
text = "assistant: content[?type == 'text'].text"
success = "end: state != 'bad'"
"""


def call(id: str, path: str, name: str = "write") -> Line:
    """A line in which the model calls a tool, between two texts."""
    called = {"type": "call", "id": id, "name": name, "args": {"path": path}}
    return {
        "type": "assistant",
        "content": [{"type": "text", "text": "first"}, called, {"type": "text", "text": "last"}],
    }


def result(id: str, **more: Any) -> Line:
    """A line with the result of a tool."""
    return {"type": "user", "content": [{"type": "result", "id": id, "text": "done", **more}]}


def test_every_entry_of_a_list_is_read() -> None:
    told = known(CALLS, call("1", "/a"), call("2", "/b", "read"))
    assert (told.tools, told.last_message) == ({"write": 1, "read": 1}, "last")


def test_a_file_counts_when_the_tool_that_writes_it_has_succeeded() -> None:
    told = known(
        CALLS, call("1", "/a"), call("2", "/b"), call("3", "/c", "read"), call("4", "/d"), call("5", "/e"),
        result("2", is_error=True), result("1"), result("3"), result("5", code="denied"),
    )  # fmt: skip
    assert told.files == ["/a"]


def test_a_refused_tool_fails_a_run_that_reports_success() -> None:
    lines = [call("1", "/a", "bash"), result("1", code="denied"), {"type": "end"}]
    assert (verdict(CALLS, *lines).reason or "").startswith("not permitted: bash (")
    assert (
        verdict(CALLS, call("1", "/a", "bash"), result("1", is_error=True), {"type": "end"}).outcome
        is Outcome.COMPLETED
    )


def test_conditions_compare_and_combine() -> None:
    mapping = """
success = "code < `2` && state != 'bad' && !starts_with(words, 'API Error')"
error = "starts_with(words, 'API Error') && words"
"""
    good: Line = {"code": 1, "state": "ok", "words": "fine"}
    lies: list[Line] = [{"code": 2}, {"state": "bad"}, {"words": "API Error: 500"}, {"words": None}]
    assert verdict(mapping, good).outcome is Outcome.COMPLETED
    for lie in lies:
        assert verdict(mapping, good | lie).outcome is Outcome.FAILED


def test_repeated_lines_of_a_turn_count_once() -> None:
    mapping = 'turn_id = "id"\nturn = "id"\ntokens_in = "usage"\ncost = "usd"\ntext = "words"'
    line = {"usage": 10, "usd": 0.5}
    told = known(mapping, line | {"id": "1"}, line | {"id": "1", "words": "more"}, line | {"id": "2"}, line)
    assert (told.turns, told.tokens_in, told.cost_usd, told.last_message) == (2, 30, 1.5, "more")


def test_counts_in_a_list_are_summed() -> None:
    mapping = 'tokens_in = "usage.[fresh, cached]"\ntokens_cached = "usage.cached"'
    told = known(mapping, {"usage": {"fresh": 10, "cached": 30}}, {"usage": {"fresh": 1}})
    assert (told.tokens_in, told.tokens_cached) == (41, 30)


@pytest.mark.parametrize(
    ("given", "epoch_s"),
    [
        (1790000000, 1790000000.0),
        (1790000000.5, 1790000000.5),
        (1790000000000, 1790000000.0),
        ("2026-09-21T14:13:20Z", 1790000000.0),
        ("2026-09-21T16:13:20+02:00", 1790000000.0),
        ("2026-09-21T14:13:20", 1790000000.0),
        ("soon", None),
        (-1, None),
        (True, None),
        ({}, None),
    ],
)
def test_the_reset_of_a_usage_limit_is_read(given: Any, epoch_s: float | None) -> None:
    mapping = 'error = "err"\ncause = "kind == \'quota\' && \'usage limit\'"\nresets_at = "reset"'
    reader = read(mapping, {"err": "No more today", "kind": "quota", "reset": given})
    assert reader.summary().usage_limit == UsageLimit("No more today", epoch_s)
    assert reader.verdict(exited(1), b"") == Verdict(Outcome.FAILED, "No more today", FailureCause.USAGE_LIMIT)


def test_the_structure_of_an_error_tells_its_cause() -> None:
    mapping = 'error = "err"\ncause = "cause"\nstatus = "status"'
    told: list[Line] = [
        {"cause": "budget"},
        {"cause": "request"},
        {"cause": "of tomorrow"},
        {"status": 503},
        {"status": "503"},
    ]
    causes = [verdict(mapping, {"err": "x"} | line).cause for line in told]
    assert causes == [FailureCause.BUDGET, FailureCause.REQUEST, None, FailureCause.OVERLOAD, None]


def test_an_error_before_a_retry_is_not_final() -> None:
    mapping = 'error = "err"\nretry = "again"\nsuccess = "ok"\nstatus = "status"'
    failed, again = {"err": "503 Overloaded", "status": 503}, {"again": "1 of 3"}
    waiting = read(mapping, failed, again)
    assert (waiting.is_finished(), waiting.summary().phase) == (False, "retry: 1 of 3")
    assert waiting.verdict(exited(0), b"") == Verdict(
        Outcome.FAILED, "mine ended without reporting success: 503 Overloaded", FailureCause.OVERLOAD
    )
    assert verdict(mapping, failed, again, {"ok": True}) == Verdict(Outcome.COMPLETED)
    assert verdict(mapping, failed, again, failed).cause is FailureCause.OVERLOAD


@pytest.mark.parametrize(
    ("totals", "counted"),
    [("false", (170, 1.75)), ("true", (110, 1.0)), ('"run"', (110, 1.0)), ('"session"', (50, 0.5))],
)
def test_a_mapping_says_what_its_usage_is_of(totals: str, counted: tuple[int, float]) -> None:
    made = adapter(f'session = "id"\ntokens_in = "used"\ncost = "usd"\ntotals = {totals}').reader()
    if isinstance(made, TotalsReader):
        made.resume({"s": SessionTotals(60, 0, 0, 0.5)}, "s")
    for line in ({"id": "s"}, {"used": 60, "usd": 0.75}, {"used": 110, "usd": 1.0}):
        made.feed(json.dumps(line).encode())
    told = made.summary()
    assert (told.tokens_in, told.cost_usd) == counted


def test_the_commands_of_shipped_agents_choose_a_model_and_resume_a_session() -> None:
    context = CommandContext(job="j", attempt=2, task="t", directory="/p", prompt_file="/f", session="ID-1")
    context = msgspec.structs.replace(context, options=AgentOptions(model="M", args=["--more"]))
    for name, words in {
        "copilot": ["--model=M", "--resume=ID-1", "--more"],
        "qwen": ["--model=M", "--resume=ID-1", "--more"],
        "pi": ["--model", "M", "--session", "ID-1", "--more"],
    }.items():
        assert ADAPTERS[name].can_resume
        assert ADAPTERS[name].command(context).argv[-len(words) :] == words


def test_a_plan_is_made_from_any_list() -> None:
    mapping = "plan = \"steps[].{text: title, status: done && 'completed'}\""
    told = known(mapping, {"steps": [{"title": "one", "done": True}, {"title": "two", "done": False}]})
    assert told.plan == [PlanItem("one", "completed"), PlanItem("two", "pending")]


@pytest.mark.parametrize(
    "value", [None, True, 7, "x", "x" * 100_000, [], [1, None], {}, {"id": [], "name": {}, "file": 7}]
)
def test_no_value_harms_the_reader_or_the_transcript(value: Any) -> None:
    keys = ("session", "turn_id", "turn", "text", "tool", "result", "file", "plan", "tokens_in", "cost", "status",
            "cause", "resets_at", "error", "success", "retry")  # fmt: skip
    mapping = "\n".join(f'{key} = "{key}"' for key in keys)
    made, entries = adapter(mapping), adapter(mapping).transcript
    assert entries is not None
    reader = made.reader()
    for line in (dict.fromkeys(keys, value), {key: [value] * 2000 for key in keys}, *({key: value} for key in keys)):
        reader.feed(json.dumps(line).encode())
        Transcript(entries, colour=True).feed(json.dumps(line).encode())
    assert reader.verdict(exited(1), b"").outcome is Outcome.FAILED
    assert len(reader.summary().files) <= 500


def test_a_deep_or_broken_line_is_noise() -> None:
    made = adapter('text = "to_string(a)"')
    assert made.transcript is not None
    for line in (b'{"a":' * 100_000, b'{"a":' + b"[" * 900 + b"]" * 900 + b"}", b"\xff", b"[1]", b"(line too long)"):
        made.reader().feed(line)
        made.transcript(line)


def test_a_mapping_makes_a_transcript() -> None:
    entries = adapter(
        CALLS + 'session = "id"\nmodel = "model"\nplan = "todos"\nerror = "err"\nretry = "again"'
    ).transcript
    assert entries is not None
    made, text = Transcript(entries, colour=False), ""
    for line in (
        {"id": "s1", "model": "m"},
        call("1", "/a"),
        result("1"),
        result("2", is_error=True),
        {"todos": [{"text": "one", "status": "done"}, {"text": "two"}]},
        {"err": "503"},
        {"again": "1 of 3"},
        {"type": "end"},
    ):
        text += made.feed(json.dumps(line).encode())
    assert text == (
        "- m, session s1\n\nfirst\n\n\nlast\n\n> write: /a\n  | done\n  ! done\n  [x] one\n  [ ] two\n"
        "= failed: 503\n! retry: 1 of 3\n= completed\n"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_agent_is_configuration_without_mistakes(name: str) -> None:
    (file,) = [each for each in SHIPPED.iterdir() if each.stem == name]
    checked = check_config(str(file), file.read_text()).agents[name]
    assert checked == check_config("config.toml", "").agents[name]


def test_every_shipped_file_is_listed() -> None:
    assert sorted(file.name for file in SHIPPED.iterdir()) == sorted(f"{name}.toml" for name in NAMES)


def test_a_users_table_adds_to_a_shipped_agent_and_a_command_replaces_it() -> None:
    limited = check_config("config.toml", "[agents.qwen]\nmax_running = 2").agents["qwen"]
    assert (limited.max_running, limited.command) == (2, load_shipped()["qwen"]["command"])
    own = check_config("config.toml", '[agents.qwen]\ncommand = ["qwen", "{task}"]').agents
    assert not registry.build(own)["qwen"].reads_output
    like = check_config("config.toml", '[agents.mine]\ncommand = ["qwen", "{task}"]\nreader = "qwen"').agents
    assert registry.build(like)["mine"].reads_output


def test_a_shipped_agent_reports_its_version_and_says_how_it_is_installed() -> None:
    for name in NAMES:
        assert ADAPTERS[name].has_version_option
        assert ADAPTERS[name].install_hint.startswith("npm install -g ")
