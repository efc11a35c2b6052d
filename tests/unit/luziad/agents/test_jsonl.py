"""An agent that nobody has written an adapter for is understood by a mapping of its JSON lines."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from luzia_protocol.activity import PlanItem
from luzia_protocol.jobs import Outcome

from luziad.agents import registry
from luziad.agents.base import OutputSummary, Reader, UsageLimit
from luziad.agents.jsonl_fields import parse_field
from luziad.config.check import check_config
from luziad.errors import ConfigError
from luziad.jobs.attempt import Verdict
from support import ROOT
from unit.luziad.agents.recordings import exited, recording

PAGE = ROOT / "docs" / "agent-own.md"
HEAD = '[agents.mine]\ncommand = ["mine"]\nprompt = "stdin"\n'
CODEX = """
session = "thread.started:thread_id"
turn = "turn.started:type"
text = "item.completed:item.text"
tool = ["item.completed:item.type=file_change", "item.started:item.type"]
plan = "item.started:item.items"
plan_state = "completed"
tokens_in = "turn.completed:usage.input_tokens"
tokens_out = "turn.completed:usage.output_tokens"
tokens_cached = "turn.completed:usage.cached_input_tokens"
totals = true
error = "turn.failed:error"
success = "turn.completed:type"
"""


def reader(mapping: str) -> Reader:
    """A reader by the mapping of a configuration."""
    tables = check_config("config.toml", f'{HEAD}reader = "jsonl"\n[agents.mine.jsonl]\n{mapping}').agents
    adapter = registry.build(tables)["mine"]
    assert adapter.reads_output
    return adapter.reader()


def read(mapping: str, *lines: Any) -> Reader:
    """A reader that has read the lines."""
    made = reader(mapping)
    for line in lines:
        made.feed(line if isinstance(line, bytes) else json.dumps(line).encode())
    return made


def known(mapping: str, *lines: Any) -> OutputSummary:
    """What is understood of the lines."""
    return read(mapping, *lines).summary()


def verdict(mapping: str, *lines: Any, code: int = 0, stderr: bytes = b"") -> Verdict:
    """How an attempt that printed the lines is judged."""
    return read(mapping, *lines).verdict(exited(code), stderr)


LINE = {"type": "turn.done", "a": {"b": {"c": 7}, "d-e": "x", "0": True}, "n": None, "s": "7", "$": "b=c:d", "z": ""}


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("a.b.c", None, 7),
        ("turn.done:a.b.c", "turn.done", 7),
        ("a.d-e", None, "x"),
        ("a.0", None, True),
        ("a.b.c=7", None, True),
        ("a.b.c=8", None, None),
        ("s=7", None, True),
        ("a.0=true", None, True),
        ("n=null", None, True),
        ("missing=null", None, None),
        ("z=", None, True),
        ("t:$=b=c:d", "t", True),
        ("missing.too", None, None),
    ],
)
def test_a_field_of_the_older_form_is_read_as_before(written: str, kind: str | None, value: Any) -> None:
    field = parse_field(written)
    assert (field.type, field.search(LINE)) == (kind, value)


def test_a_mapping_understands_a_real_stream_as_its_adapter_does() -> None:
    for scenario in ("success", "error-usage-limit", "error-500"):
        run = recording(f"codex/{scenario}")
        mapped, own = reader(CODEX), run.reader()
        for line in run.stdout.splitlines():
            mapped.feed(line)
            own.feed(line)
        assert mapped.verdict(exited(run.exit_code), run.stderr) == own.verdict(exited(run.exit_code), run.stderr)
        one, other = mapped.summary(), own.summary()
        same = ("session", "turns", "plan_total", "tokens_in", "tokens_out", "tokens_cached", "last_message", "events")
        assert [getattr(one, name) for name in same] == [getattr(other, name) for name in same], scenario
        assert (one.usage_limit is None) == (other.usage_limit is None)


def test_everything_that_a_mapping_can_name_is_read() -> None:
    mapping = """
type = "event.kind"
session = "id"
model = "meta.model"
version = "meta.version"
turn = "begin:event"
text = ["say:words", "shout:words"]
tool = "call:name"
file = "wrote:path"
plan = "todo:list"
plan_text = "what"
plan_state = "done"
tokens_in = "used.in"
tokens_out = "used.out"
tokens_cached = "used.cached"
cost = "used.usd"
"""
    told = known(
        mapping,
        {"event": {"kind": "begin"}, "id": "s1", "meta": {"model": "m", "version": "7"}},
        {"event": {"kind": "call"}, "name": "grep", "words": "not said"},
        {"event": {"kind": "wrote"}, "path": "/a"},
        {"event": {"kind": "todo"}, "list": [{"what": "one", "done": True}, {"what": "two", "done": False}, 3]},
        {"event": {"kind": "say"}, "words": "hello", "used": {"in": 10, "out": 2, "cached": 4, "usd": 0.5}},
        {"event": {"kind": "shout"}, "words": "bye", "used": {"in": 1, "out": 1, "usd": 0.25}},
        b"noise",
    )
    assert told == OutputSummary(
        session="s1",
        model="m",
        version="7",
        phase="writing",
        turns=1,
        tool_calls=1,
        tools={"grep": 1},
        files=["/a"],
        plan_done=1,
        plan_total=2,
        plan=[PlanItem("one", "completed"), PlanItem("two", "pending")],
        tokens_in=11,
        tokens_out=3,
        tokens_cached=4,
        cost_usd=0.75,
        last_message="bye",
        events=6,
        noise_lines=1,
    )


def test_totals_are_not_summed() -> None:
    lines = [{"in": 10, "usd": 0.5}, {"in": 30, "usd": 0.75}]
    summed = known('tokens_in = "in"\ncost = "usd"', *lines)
    total = known('tokens_in = "in"\ncost = "usd"\ntotals = true', *lines)
    assert (summed.tokens_in, summed.cost_usd, total.tokens_in, total.cost_usd) == (40, 1.25, 30, 0.75)


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("ok", [{"state": "ok"}]),
        ("true", [{"state": True}]),
        ("false", [{"state": False}]),
        ("null", [{"state": None}]),
        ("7", [{"state": 7}]),
        ("true", [{"state": "true"}]),
    ],
)
def test_a_value_that_is_asked_for_proves_success(value: str, lines: list[Any]) -> None:
    assert verdict(f'success = "state={value}"', *lines) == Verdict(Outcome.COMPLETED)


@pytest.mark.parametrize("line", [{}, {"state": "no"}, {"state": 1}, {"state": [True]}, {"other": True}, [], "x"])
def test_without_the_proof_of_success_exit_0_is_a_failure(line: Any) -> None:
    assert verdict('success = "state=true"', line) == Verdict(Outcome.FAILED, "mine ended without reporting success")


def test_where_no_proof_is_asked_for_the_exit_code_and_errors_decide() -> None:
    assert verdict('error = "err"', {"err": None}, {"err": ""}, {"err": False}) == Verdict(Outcome.COMPLETED)
    assert verdict('error = "err"', {"err": "broken"}) == Verdict(Outcome.FAILED, "broken")
    assert verdict('error = "err"', {"err": {"message": "broken"}}) == Verdict(Outcome.FAILED, "broken")
    assert verdict('error = "err"', {"err": True}) == Verdict(Outcome.FAILED, "mine reported an error")
    assert verdict('error = "err"', code=3, stderr=b"oh\n") == Verdict(Outcome.FAILED, "exit code 3: oh")


def test_of_success_and_errors_the_later_one_counts() -> None:
    mapping, good, bad = 'success = "ok"\nerror = "err"', {"ok": 1}, {"err": "no"}
    assert verdict(mapping, good, bad).outcome is Outcome.FAILED
    assert verdict(mapping, bad, good).outcome is Outcome.COMPLETED
    assert verdict(mapping, good, code=-9) == Verdict(Outcome.FAILED, "killed by SIGKILL")
    assert [read(mapping, *lines).is_finished() for lines in ([], [good], [bad])] == [False, True, True]


def test_the_words_of_a_usage_limit_are_known() -> None:
    words = "You've hit your usage limit. Try again at 9:44 PM."
    assert known('error = "err"', {"err": words}).usage_limit == UsageLimit(words)


@pytest.mark.parametrize("value", [None, True, 7, 2**70, "x", "", [], [1, [2]], {}, {"a": {}}, "x" * 10_000])
def test_no_value_in_the_wrong_place_harms_the_reader(value: Any) -> None:
    names = ("session", "turn", "text", "tool", "file", "plan", "tokens_in", "cost", "error", "success")
    mapping = "\n".join(f'{name} = "{name}.deep"' for name in names)
    lines = [{"type": value} | {each: {"deep": value}} for each in names] + [{each: value} for each in names]
    made = read(mapping, *lines)
    assert made.summary().events == len(lines)
    assert made.verdict(exited(1), b"").outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ('reader = "jsonl"', "agents.mine.jsonl", "missing, expected"),
        ("jsonl = {}", "agents.mine.jsonl", 'requires reader = "jsonl"'),
        ('reader = "jsonl"\njsonl = 3', "agents.mine.jsonl", "found 3, expected a table"),
        ('reader = "jsonl"\njsonl = { txt = "a" }', "agents.mine.jsonl.txt", "did you mean text?"),
        (
            'reader = "jsonl"\njsonl = { text = "a..b" }',
            "agents.mine.jsonl.text",
            "at column 3: unexpected '.'",
        ),
        ('reader = "jsonl"\njsonl = { text = "x: a[" }', "agents.mine.jsonl.text", "at column 6: incomplete"),
        ('reader = "jsonl"\njsonl = { text = ["a", "b ? c"] }', "agents.mine.jsonl.text", "column 3: unknown token"),
        ('reader = "jsonl"\njsonl = { text = "first(a)" }', "agents.mine.jsonl.text", "unknown function first()"),
        ('reader = "jsonl"\njsonl = { text = [] }', "agents.mine.jsonl.text", "expected an expression such as"),
        ('reader = "jsonl"\njsonl = { text = ["a", 3] }', "agents.mine.jsonl.text", "expected an expression such as"),
        ('reader = "jsonl"\njsonl = { type = "t:a" }', "agents.mine.jsonl.type", "expected an expression such as"),
        ('reader = "jsonl"\njsonl = { totals = 1 }', "agents.mine.jsonl.totals", 'expected true, false, "run" or'),
    ],
)
def test_a_mistake_in_a_mapping_is_told_with_its_place(text: str, where: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_config("config.toml", HEAD + text)
    (mistake,) = caught.value.mistakes
    assert f" {where}: " in mistake
    assert words in mistake


def test_the_example_of_the_documentation_reads_the_stream_of_the_documentation() -> None:
    page = PAGE.read_text()
    (mapping,) = re.findall(r"^```toml\n(.*?)^```$", page.split("JSON lines\n", 1)[1], re.MULTILINE | re.DOTALL)
    (lines,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    adapter = registry.build(check_config("agent-own.md", mapping).agents)["mybot"]
    made = adapter.reader()
    for line in lines.splitlines():
        made.feed(line.encode())
    told = made.summary()
    assert made.verdict(exited(0), b"") == Verdict(Outcome.COMPLETED)
    assert (told.session, told.turns, told.tools, told.files) == ("k7", 1, {"edit": 1}, ["login.py"])
    assert (told.tokens_in, told.tokens_out, told.cost_usd, told.last_message) == (1200, 34, 0.02, "The button works.")
    assert (told.plan_done, told.plan_total, told.noise_lines) == (1, 2, 0)
