"""Streams of agents as transcripts, on what real ones printed."""

from __future__ import annotations

import itertools
import json

import pytest

from luziad.agents.line_splitter import LineSplitter
from luziad.agents.transcript import MAX_OUTPUT_CHARS, MAX_PENDING_CHARS, Transcript
from unit.luziad.agents.recordings import ADAPTERS, RECORDINGS, Recording, recording


def transcript(agent: str, data: bytes, cuts: list[int] | None = None, *, colour: bool = False) -> str:
    """The transcript of a stream that comes in pieces."""
    entries = ADAPTERS[agent].transcript
    assert entries is not None
    made, splitter, text = Transcript(entries, colour), LineSplitter(), ""
    borders = [0, *(cuts or []), len(data)]
    for begin, end in itertools.pairwise(borders):
        text += "".join(map(made.feed, splitter.feed(data[begin:end])))
    return text + "".join(map(made.feed, splitter.end())) + made.end()


@pytest.mark.parametrize("each", RECORDINGS, ids=lambda each: each.name)
def test_what_an_agent_printed_reads_well(each: Recording) -> None:
    text = transcript(each.agent, each.stdout)
    assert not any(line.startswith("{") for line in text.splitlines())
    assert all(line.isprintable() for line in text.splitlines())
    if each.succeeded and each.agent != "vibe":
        assert "\n= completed" in text


def test_a_transcript_has_what_was_said_tools_results_plans_and_the_end() -> None:
    assert transcript("claude", recording("claude/success").stdout) == (
        "- Claude Code 2.1.330, claude-sonnet-4-5, session cfa8e9b0-f926-4d1a-824f-5f135cd85278\n"
        "\nI will make a short plan first.\n\n"
        "> TaskCreate: Write hello.txt\n"
        "  | Task #1 created successfully: Write hello.txt\n"
        "\nNow I write the file.\n\n"
        "> Write: /home/dev/project/hello.txt\n"
        "  | File created successfully at: /home/dev/project/hello.txt"
        " (file state is current in your context — no need to Read it back)\n"
        "\nDone: I wrote hello.txt with a short greeting.\n\n"
        "= completed, 3 turns, 3600 tokens in, 102 out, $0.0123\n"
    )
    assert "  [~] Write hello.txt\n  [ ] Report back\n" in transcript("gemini", recording("gemini/success").stdout)
    assert "\n= failed: " in transcript("codex", recording("codex/error-500").stdout)


def test_counts_and_errors_of_claude_are_words() -> None:
    events = [
        {"type": "system", "subtype": "api_retry", "attempt": 1, "max_retries": 8, "error": {"message": "Overloaded"}},
        {"type": "system", "subtype": "api_retry"},
        {"type": "result", "subtype": "success", "is_error": False, "num_turns": 1},
    ]
    text = transcript("claude", b"".join(json.dumps(event).encode() + b"\n" for event in events))
    assert [line[2:] for line in text.splitlines()] == ["retry 1 of 8: Overloaded", "retry", "completed, 1 turn"]


@pytest.mark.parametrize("name", ["claude/success", "codex/success", "gemini/success", "opencode/success"])
def test_a_stream_cut_anywhere_gives_the_same_transcript(name: str) -> None:
    each = recording(name)
    whole = transcript(each.agent, each.stdout)
    for cut in range(1, len(each.stdout), 37):
        assert transcript(each.agent, each.stdout, [cut, min(cut + 11, len(each.stdout))]) == whole


def test_a_text_that_comes_in_pieces_is_shown_whole() -> None:
    text = transcript("gemini", recording("gemini/success").stdout)
    assert "\nDone: I wrote hello.txt with a short greeting.\n" in text


def test_a_text_in_pieces_without_an_end_is_not_held_for_ever() -> None:
    piece = {"type": "message", "role": "assistant", "content": "x" * 1000, "delta": True}
    entries = ADAPTERS["gemini"].transcript
    assert entries is not None
    made = Transcript(entries, colour=False)
    shown = [made.feed(json.dumps(piece).encode()) for _ in range(MAX_PENDING_CHARS // 1000 + 1)]
    assert sum(map(len, shown)) > MAX_PENDING_CHARS


def test_nothing_in_a_stream_steers_the_terminal() -> None:
    evil = "\x1b]0;owned\x07 \u202etxt.exe \x9b2J"
    said = {"type": "assistant", "message": {"content": [{"type": "text", "text": evil}]}}
    used = {
        "type": "assistant",
        "message": {"content": [{"type": "tool_use", "name": evil, "input": {"command": evil}}]},
    }
    got = {"type": "user", "message": {"content": [{"type": "tool_result", "content": evil}]}}
    data = b"\n".join([*(json.dumps(event).encode() for event in (said, used, got)), evil.encode(), b""])
    text = transcript("claude", data)
    assert all(line.isprintable() for line in text.splitlines())
    assert text.count("owned") == 5
    coloured = transcript("claude", data, colour=True)
    assert set(coloured.replace("\x1b[36m", "").replace("\x1b[2m", "").replace("\x1b[0m", "")) == set(text)


def test_long_results_are_shortened_and_long_lines_bounded() -> None:
    result = {"type": "tool_result", "content": "\n".join(f"line {n}" for n in range(40))}
    text = transcript("claude", json.dumps({"type": "user", "message": {"content": [result]}}).encode())
    assert text.splitlines()[-1] == "  | … 35 more lines"
    assert len(text.splitlines()) == 6
    huge = {"type": "tool_result", "content": "y" * 10_000_000}
    assert len(transcript("claude", json.dumps({"type": "user", "message": {"content": [huge]}}).encode())) < 300
    blocks = [{"type": "text", "text": "z" * 200_000} for _ in range(20)]
    said = json.dumps({"type": "assistant", "message": {"content": blocks}}).encode()
    assert len(transcript("claude", said)) <= MAX_OUTPUT_CHARS + 2
    assert transcript("claude", b"x" * (17 * 1024 * 1024)) == "(line too long)\n"


@pytest.mark.parametrize("agent", [name for name, adapter in ADAPTERS.items() if adapter.transcript])
@pytest.mark.parametrize("value", [None, 1, True, "text", [], [1], {}, {"type": 3, "items": {"a": 1}}, 10**30, 1e400])
def test_what_makes_no_sense_harms_nobody(agent: str, value: object) -> None:
    names = ["type", "message", "item", "part", "error", "role", "content", "tool_calls", "detail", "state"]
    names += ["parameters", "output", "stats", "usage", "subtype", "model", "session_id", "rate_limit_info", "result"]
    kinds = ["assistant", "user", "system", "result", "rate_limit_event", "init", "message", "tool_use", "tool_result"]
    kinds += ["error", "text", "reasoning", "step_finish", "effect", "item.started", "item.completed"]
    kinds += ["turn.completed", "turn.failed", "thread.started"]
    for kind in kinds:
        event = dict.fromkeys(names, value) | {"type": kind}
        nested = dict.fromkeys(names, event) | {"type": kind}
        for each in (event, nested):
            transcript(agent, json.dumps(each).encode())


def test_the_end_of_a_resumed_session_tells_what_this_run_has_cost() -> None:
    assert transcript("claude", recording("claude/session-3").stdout).endswith("1200 tokens in, 34 out, $0.0041\n")
    assert transcript("codex", recording("codex/session-3").stdout).endswith(
        "4800 tokens in, 136 out in the thread so far\n"
    )
