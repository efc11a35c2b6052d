"""What agents are known to claim wrongly, event by event."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from luzia_protocol.jobs import Outcome, Progress

from luziad.agents.base import Reader, StderrReader
from luziad.agents.registry import BUILT_IN
from luziad.jobs.attempt import FailureCause, Verdict
from unit.luziad.agents.recordings import RECORDINGS, exited

Event = dict[str, Any]

INIT: Event = {"type": "system", "subtype": "init"}
ANSWER: Event = {"type": "assistant", "message": {"model": "m", "content": [{"type": "text", "text": "Done"}]}}
RESULT: Event = {"type": "result", "subtype": "success", "is_error": False, "result": "Done"}


def read(agent: str, *events: Event) -> tuple[Reader, list[Progress]]:
    """A reader that has read the events, and what it told."""
    reader = BUILT_IN[agent].reader()
    told = [reader.feed(json.dumps(event).encode()) for event in events]
    return reader, [progress for progress in told if progress is not None]


def verdict(agent: str, *events: Event, code: int = 0, stderr: bytes = b"") -> Verdict:
    """The verdict after the events, without its cause."""
    return replace(read(agent, *events)[0].verdict(exited(code), stderr), cause=None)


def synthetic(text: str) -> Event:
    """What Claude Code says itself, in the place of the model."""
    return {"type": "assistant", "message": {"model": "<synthetic>", "content": [{"type": "text", "text": text}]}}


def test_claude_succeeds_with_an_answer_and_a_result() -> None:
    assert verdict("claude", INIT, ANSWER, RESULT) == Verdict(Outcome.COMPLETED)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([INIT, ANSWER], "claude ended without a result"),
        ([INIT, synthetic("API Error: 500"), RESULT | {"result": "API Error: 500"}], "API Error: 500"),
        ([INIT, ANSWER, synthetic("API Error: x"), RESULT | {"result": "API Error: x"}], "API Error: x"),
        ([INIT, RESULT | {"result": "Unknown slash command: fix"}], "Unknown slash command: fix"),
        ([INIT, ANSWER, RESULT | {"is_error": True}], "Done"),
        ([INIT, ANSWER, RESULT | {"is_error": None}], "Done"),
        ([INIT, ANSWER, RESULT | {"result": "API Error: 500 Internal"}], "API Error: 500 Internal"),
        ([INIT, ANSWER, RESULT | {"result": "It broke", "api_error_status": 529}], "It broke"),
        ([INIT, RESULT | {"result": "Unknown slash command: fix", "num_turns": 0}], "Unknown slash command: fix"),
        ([INIT, ANSWER, RESULT | {"terminal_reason": "aborted_tools"}], "the turn ended early: aborted_tools"),
        (
            [INIT, ANSWER, RESULT | {"subtype": "error_during_execution", "errors": ["a", 3]}],
            "error_during_execution: a",
        ),
        ([INIT, ANSWER, RESULT | {"stop_reason": "tool_deferred"}], "it waits for the answer to a tool's question"),
        ([INIT, ANSWER, {"type": "result"}], "a result without a subtype"),
        ([INIT, ANSWER, RESULT, RESULT | {"is_error": True, "result": "later"}], "later"),
        (
            [INIT, synthetic("You've hit your session limit · resets 3:45pm")],
            "claude ended without a result: You've hit your session limit · resets 3:45pm",
        ),
        (
            [
                INIT,
                {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "rateLimitType": "five_hour"}},
            ],
            "claude ended without a result: usage limit five_hour",
        ),
    ],
)
def test_claude_has_failed_although_it_exits_0(events: list[Event], reason: str) -> None:
    assert verdict("claude", *events) == Verdict(Outcome.FAILED, reason)


@pytest.mark.parametrize("subtype", ["error_max_turns", "error_max_budget_usd"])
def test_claude_that_stops_at_its_budget_is_over_budget(subtype: str) -> None:
    judged = verdict("claude", INIT, ANSWER, RESULT | {"subtype": subtype})
    assert judged == Verdict(Outcome.OVER_BUDGET, f"{subtype}: Done")


def test_a_status_tells_the_cause_when_the_words_do_not() -> None:
    reader, _ = read("claude", INIT, RESULT | {"result": "It broke", "is_error": True, "api_error_status": 529})
    assert reader.verdict(exited(1), b"") == Verdict(Outcome.FAILED, "It broke", FailureCause.OVERLOAD)
    reader, _ = read("gemini", {"type": "result", "status": "error", "error": {"message": "It broke"}})
    assert reader.verdict(exited(503 % 256), b"").cause is FailureCause.OVERLOAD
    error = {"name": "APIError", "data": {"message": "It broke", "statusCode": 502}}
    reader, _ = read("opencode", {"type": "error", "error": error})
    assert reader.verdict(exited(1), b"").cause is FailureCause.OVERLOAD


def test_claude_is_understood_whatever_the_order_of_lines_and_keys() -> None:
    backwards = {key: RESULT[key] for key in reversed(RESULT)}
    assert list(backwards)[-1] == "type"
    assert verdict("claude", ANSWER, INIT, backwards) == Verdict(Outcome.COMPLETED)
    assert verdict("claude", ANSWER, backwards) == Verdict(Outcome.COMPLETED)


def test_claude_passes_over_events_that_it_may_send_besides() -> None:
    kinds = ("api_retry", "task_started", "task_progress", "task_updated", "task_notification", "compact_boundary")
    more = [{"type": "system", "subtype": kind} for kind in (*kinds, "status", "of_tomorrow")]
    assert verdict("claude", INIT, *more, ANSWER, *more, RESULT, *more) == Verdict(Outcome.COMPLETED)


def test_claude_may_speak_of_an_api_error_itself() -> None:
    words = "API Error: 500 is what the log says; I fixed it."
    answer = {"type": "assistant", "message": {"model": "m", "content": [{"type": "text", "text": words}]}}
    assert verdict("claude", INIT, answer, RESULT | {"result": words}) == Verdict(Outcome.COMPLETED)


@pytest.mark.parametrize("code", [143, -15])
def test_claude_ended_by_sigterm_leaves_no_result_and_has_failed(code: int) -> None:
    ended = "exit code 143" if code > 0 else "killed by SIGTERM"
    assert verdict("claude", INIT, ANSWER, code=code) == Verdict(Outcome.FAILED, ended)


def test_claude_that_is_killed_after_its_result_has_not_completed() -> None:
    assert verdict("claude", INIT, ANSWER, RESULT, code=-9) == Verdict(Outcome.FAILED, "killed by SIGKILL")


def test_a_server_that_limits_requests_is_told_in_its_own_words() -> None:
    words = "API Error: Server is temporarily limiting requests (not your usage limit)"
    reader, _ = read("claude", INIT, synthetic(words), RESULT | {"result": words, "is_error": True})
    assert reader.verdict(exited(0), b"") == Verdict(Outcome.FAILED, words, FailureCause.OVERLOAD)
    assert reader.summary().usage_limit is None


@pytest.mark.parametrize("agent", ["claude", "codex", "gemini", "opencode", "vibe"])
@pytest.mark.parametrize("scenario", ["error-401", "error-usage-limit", "error-500", "sigterm-tool", "sigint-tool"])
def test_a_real_failure_stays_one_when_the_exit_code_lies(agent: str, scenario: str) -> None:
    for run in RECORDINGS:
        if run.name == f"{agent}/{scenario}":
            reader = run.reader()
            for line in run.stdout.splitlines():
                reader.feed(line)
            assert reader.verdict(exited(0), run.stderr).outcome is Outcome.FAILED


def test_claude_has_failed_when_a_tool_was_refused() -> None:
    denied = RESULT | {"permission_denials": [{"tool_name": "Bash"}, {"tool_name": "Bash"}, {"tool_name": "WebFetch"}]}
    judged = verdict("claude", INIT, ANSWER, denied)
    assert judged.outcome is Outcome.FAILED
    assert (judged.reason or "").startswith("not permitted: Bash, WebFetch")


def test_claude_sub_agents_do_not_answer_for_it() -> None:
    theirs = ANSWER | {"parent_tool_use_id": "toolu_1"}
    assert verdict("claude", INIT, theirs, RESULT).outcome is Outcome.FAILED
    _, told = read("claude", INIT, theirs)
    assert told == [Progress(phase="thinking")]


def tool(name: str, given: Event, number: int) -> Event:
    """Claude calls a tool."""
    block = {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": given}
    return {"type": "assistant", "message": {"model": "m", "content": [block]}}


def outcome(number: int, **more: Any) -> Event:
    """A tool of Claude's has ended."""
    error = more.pop("is_error", False)
    block = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "is_error": error}
    return {"type": "user", "message": {"content": [block]}, **more}


def test_claude_tasks_are_counted_when_their_tool_has_ended() -> None:
    _, told = read(
        "claude",
        tool("TaskCreate", {"subject": "a"}, 1),
        outcome(1, tool_use_result={"task": {"id": "1"}}),
        tool("TaskCreate", {"subject": "b"}, 2),
        outcome(2, tool_use_result={"task": {"id": "2"}}),
        tool("TaskCreate", {"subject": "c"}, 3),
        outcome(3, tool_use_result={"task": {"id": "3"}}),
        tool("TaskUpdate", {"taskId": "1", "status": "completed"}, 4),
        outcome(4),
        tool("TaskUpdate", {"taskId": "2", "status": "completed"}, 5),
        outcome(5, is_error=True),
        tool("TaskUpdate", {"taskId": "3", "status": "deleted"}, 6),
        outcome(6),
    )
    assert told[-1] == Progress(percent=50, done=1, total=2, label="plan", phase="thinking")


def test_a_finished_plan_is_not_a_finished_job() -> None:
    todos = [{"content": "a", "status": "completed"}, {"content": "b", "status": "cancelled"}]
    _, told = read("claude", tool("TodoWrite", {"todos": todos}, 1))
    assert told == [Progress(percent=99, done=1, total=1, label="plan", phase="tool TodoWrite")]


def test_a_plan_that_was_given_up_shows_no_percentage() -> None:
    first, second = [{"status": "pending"}], [{"status": "cancelled"}]
    _, told = read("claude", tool("TodoWrite", {"todos": first}, 1), tool("TodoWrite", {"todos": second}, 2))
    assert [progress.percent for progress in told] == [0, None]


def test_claude_tells_retries_and_long_tools() -> None:
    retry = {"type": "system", "subtype": "api_retry", "attempt": 2, "max_retries": 10, "error": "overloaded"}
    running = {"type": "tool_progress", "tool_name": "Bash", "elapsed_time_seconds": 61.4}
    _, told = read("claude", retry, running)
    assert [progress.phase for progress in told] == ["retry 2 of 10: overloaded", "tool Bash 61 s"]


def test_names_from_an_agent_cannot_play_with_the_screen() -> None:
    _, told = read("claude", tool("\x1b[2J\r\n" + "x" * 1000, {}, 1))
    phase = told[0].phase or ""
    assert phase.isprintable()
    assert len(phase) <= 100
    judged = verdict("claude", INIT, RESULT | {"is_error": True, "result": "bad\x1b[31m\n" + "y" * 5000})
    assert (judged.reason or "").isprintable()
    assert len(judged.reason or "") <= 500


def test_codex_reconnecting_is_no_failure() -> None:
    events: list[Event] = [
        {"type": "turn.started"},
        {"type": "error", "message": "Reconnecting... 1/5 (stream closed)"},
        {"type": "turn.completed", "usage": {}},
    ]
    assert verdict("codex", *events) == Verdict(Outcome.COMPLETED)
    assert verdict("codex", *events[:2]).reason == (
        "codex ended before its turn did: Reconnecting... 1/5 (stream closed)"
    )


def test_codex_items_that_tell_an_error_are_not_the_end() -> None:
    item = {"type": "item.completed", "item": {"type": "error", "id": "1", "message": "a warning"}}
    started, completed = {"type": "turn.started"}, {"type": "turn.completed"}
    assert verdict("codex", started, item, completed) == Verdict(Outcome.COMPLETED)
    assert verdict("codex", started, item).outcome is Outcome.FAILED


def test_codex_out_of_credits_has_failed_and_waiting_does_not_help() -> None:
    words = "Your workspace is out of credits. Ask your workspace owner to refill."
    reader, _ = read("codex", {"type": "turn.started"}, {"type": "turn.failed", "error": {"message": words}})
    assert reader.verdict(exited(1), b"") == Verdict(Outcome.FAILED, words, FailureCause.ACCOUNT)
    assert reader.summary().usage_limit is None


def test_codex_must_complete_the_last_turn_that_began() -> None:
    started, completed = {"type": "turn.started"}, {"type": "turn.completed"}
    failed = {"type": "turn.failed", "error": {"message": "no"}}
    assert verdict("codex", started, completed, started).outcome is Outcome.FAILED
    assert verdict("codex", started, completed, started, failed) == Verdict(Outcome.FAILED, "no")
    assert verdict("codex", started, failed, started, completed) == Verdict(Outcome.COMPLETED)


def test_codex_plans_are_counted() -> None:
    items = [{"text": "a", "completed": True}, {"text": "b", "completed": False}, {"text": "c"}]
    _, told = read("codex", {"type": "item.updated", "item": {"type": "todo_list", "items": items}})
    assert told == [Progress(percent=33, done=1, total=3, label="plan")]


def test_codex_that_does_not_begin_says_why_on_stderr() -> None:
    judged = verdict("codex", code=1, stderr=b"Reading\nError: no such profile\n\n")
    assert judged == Verdict(Outcome.FAILED, "exit code 1: Error: no such profile")


def test_gemini_exit_0_without_a_result_is_a_failure() -> None:
    assert verdict("gemini", {"type": "init"}) == Verdict(Outcome.FAILED, "gemini ended without a result")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (41, "authentication failed"),
        (42, "its input was invalid"),
        (44, "its sandbox failed"),
        (52, "its configuration is invalid"),
        (53, "the turn limit was reached"),
        (54, "a tool failed"),
        (55, "the directory is not trusted"),
        (130, "it was cancelled"),
    ],
)
def test_gemini_exit_codes_have_words(code: int, words: str) -> None:
    outcome = Outcome.OVER_BUDGET if code == 53 else Outcome.FAILED
    assert verdict("gemini", code=code) == Verdict(outcome, f"exit code {code}: {words}")


def test_gemini_has_failed_with_a_result_that_says_so_although_it_exits_0() -> None:
    failed = {"type": "result", "status": "error", "error": {"type": "X", "message": "no quota"}}
    assert verdict("gemini", {"type": "init"}, failed) == Verdict(Outcome.FAILED, "no quota")
    assert verdict("gemini", {"type": "init"}, failed | {"error": None}).outcome is Outcome.FAILED
    assert verdict("gemini", {"type": "init"}, {"type": "result", "status": "success"}) == Verdict(Outcome.COMPLETED)


def test_opencode_that_prints_nothing_has_failed() -> None:
    judged = verdict("opencode")
    assert judged.outcome is Outcome.FAILED
    assert "permission" in (judged.reason or "")


@pytest.mark.parametrize("reason", ["tool-calls", "unknown", "length", None])
def test_opencode_must_finish_its_last_step_because_it_is_done(reason: str | None) -> None:
    start, finish = {"type": "step_start"}, {"type": "step_finish", "part": {"reason": reason}}
    stop = {"type": "step_finish", "part": {"reason": "stop"}}
    assert verdict("opencode", start, finish).outcome is Outcome.FAILED
    assert verdict("opencode", start, stop, start).outcome is Outcome.FAILED
    assert verdict("opencode", start, finish, start, stop) == Verdict(Outcome.COMPLETED)


def test_opencode_has_failed_after_an_error_although_it_exits_0() -> None:
    error = {"type": "error", "error": {"name": "APIError", "data": {"message": "no quota", "isRetryable": False}}}
    start, stop = {"type": "step_start"}, {"type": "step_finish", "part": {"reason": "stop"}}
    assert verdict("opencode", start, error) == Verdict(Outcome.FAILED, "no quota")
    assert verdict("opencode", start, stop, error) == Verdict(Outcome.FAILED, "no quota")


def test_opencode_that_goes_on_after_an_error_has_not_failed() -> None:
    error = {"type": "error", "error": {"name": "APIError", "data": {"message": "You've hit your usage limit"}}}
    start, stop = {"type": "step_start"}, {"type": "step_finish", "part": {"reason": "stop"}}
    assert verdict("opencode", start, error, stop) == Verdict(Outcome.COMPLETED)
    reader, _ = read("opencode", start, error, start, stop)
    assert reader.verdict(exited(0), b"") == Verdict(Outcome.COMPLETED)
    assert reader.summary().usage_limit is None
    again, _ = read("opencode", start, error, start)
    assert not again.is_finished()
    assert "usage limit" in (again.verdict(exited(0), b"").reason or "")


def test_opencode_may_tell_a_tool_before_the_words_that_led_to_it() -> None:
    tool = {"type": "tool_use", "part": {"tool": "write", "state": {"status": "completed"}}}
    words = {"type": "text", "part": {"text": "Now I write"}}
    ended = {"type": "step_finish", "part": {"reason": "stop"}}
    assert verdict("opencode", {"type": "step_start"}, tool, words, ended) == Verdict(Outcome.COMPLETED)


def test_vibe_interrupted_with_exit_0_has_failed() -> None:
    user = {"role": "user", "content": "do it"}
    answer = {"role": "assistant", "content": "Done"}
    calls = {"role": "assistant", "content": "Now", "tool_calls": [{"function": {"name": "bash"}}]}
    assert verdict("vibe", user, answer) == Verdict(Outcome.COMPLETED)
    assert verdict("vibe", user, calls).outcome is Outcome.FAILED
    assert verdict("vibe", user).outcome is Outcome.FAILED
    assert verdict("vibe", user, answer, stderr=b"Stopped: terminated\n").outcome is Outcome.FAILED
    assert verdict("vibe", user, answer, stderr=b"Error: a server retried\n") == Verdict(Outcome.COMPLETED)
    thrown_away = answer | {"outcome": {"type": "discarded", "cause": "failure"}}
    assert verdict("vibe", user, thrown_away).outcome is Outcome.FAILED


def test_vibe_plans_are_counted_in_older_versions_too() -> None:
    todos = json.dumps({"todos": [{"status": "completed"}, {"status": "pending"}]})
    calls = [{"function": {"name": "todo", "arguments": todos}}]
    _, told = read("vibe", {"role": "assistant", "content": "", "tool_calls": calls})
    assert told == [Progress(percent=50, done=1, total=2, label="plan", phase="used todo")]


@pytest.mark.parametrize("agent", ["claude", "codex", "gemini", "opencode", "vibe"])
def test_an_agent_that_printed_nothing_has_not_succeeded(agent: str) -> None:
    assert verdict(agent).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("error: unknown option '--foo'\n\nUsage: pi [options]\n\nOptions:\n  -h, --help  help\n", "unknown option"),
        ("error: unexpected argument\n\nFor more information, try '--help'.\n", "unexpected argument"),
        ("Usage: x [OPTIONS]\nTry 'x --help' for help.\n\nError: no such option: --y\n", "no such option"),
        ("Reading keys\nit broke\n", "it broke"),
    ],
)
def test_usage_help_after_an_error_is_not_the_reason(stderr: str, reason: str) -> None:
    assert reason in (verdict("opencode", code=2, stderr=stderr.encode()).reason or "")


@pytest.mark.parametrize(
    ("agent", "words", "key"),
    [
        ("claude", "Not logged in · Please run /login", "ANTHROPIC_API_KEY"),
        ("vibe", "Error: Missing MISTRAL_API_KEY environment variable for mistral provider", "MISTRAL_API_KEY"),
        ("codex", "Missing environment variable: `OPENAI_API_KEY`.", "OPENAI_API_KEY"),
    ],
)
def test_an_agent_without_a_key_says_how_the_key_of_the_shell_reaches_it(agent: str, words: str, key: str) -> None:
    judged = verdict(agent, code=1, stderr=words.encode())
    assert words in (judged.reason or "")
    assert f"`luzia -e {key} PROJECT TASK`" in (judged.reason or "")
    assert "luzia -e" not in (verdict(agent, code=1, stderr=b"Error: Invalid API key").reason or "")


@pytest.mark.parametrize("outcome", ["turn_limit", "price_limit", "token_limit", "deadline"])
def test_vibe_that_stops_at_a_budget_is_over_budget_even_after_its_answer(outcome: str) -> None:
    answer = {"role": "assistant", "content": "Done"}
    keys = "Reading API keys from the system keyring (set them as environment variables to skip this)\n"
    judged = verdict("vibe", answer, code=3, stderr=f"{keys}Stopped: {outcome}\n".encode())
    assert judged == Verdict(Outcome.OVER_BUDGET, f"exit code 3: Stopped: {outcome}")
    assert verdict("vibe", answer, code=3, stderr=f"{keys}Stopped: terminated\n".encode()).outcome is Outcome.FAILED


def test_gemini_tells_its_retries_on_stderr() -> None:
    reader, _ = read("gemini", {"type": "init", "session_id": "s"})
    assert isinstance(reader, StderrReader)
    told = reader.feed_stderr(b"Attempt 2 failed with status 429. Retrying with backoff... _ApiError: {")
    assert told == Progress(phase="retry 2: status 429")
    assert reader.feed_stderr(b"    at throwErrorIfNotOK (file:///x.js:1:2)") is None
    told = reader.feed_stderr(b"Attempt 3 failed: You have exhausted your capacity. Retrying after 6173ms...")
    assert told == Progress(phase="retry 3")
    assert reader.summary().usage_limit is None


STEP = {"type": "step_finish", "part": {"reason": "stop"}}
VIBE_ANSWER = {"type": "message", "role": "assistant", "content": "Done"}


def opencode_tool(error: str) -> Event:
    return {"type": "tool_use", "part": {"tool": "bash", "state": {"status": "error", "error": error}}}


def vibe_effect(**state: Any) -> Event:
    return {"type": "effect", "title": "bash", "state": {"status": "failed", **state}}


def gemini_result(kind: str) -> list[Event]:
    called = {"type": "tool_use", "tool_name": "bash", "tool_id": "1"}
    return [called, {"type": "tool_result", "tool_id": "1", "status": "error", "error": {"type": kind}}]


@pytest.mark.parametrize(
    ("agent", "refused", "failed", "end"),
    [
        (
            "claude",
            [INIT, ANSWER, RESULT | {"permission_denials": [{"tool_name": "bash"}]}],
            [INIT, ANSWER, RESULT | {"permission_denials": []}],
            [],
        ),
        (
            "opencode",
            [opencode_tool("The user rejected permission to use this specific tool call.")],
            [opencode_tool("command not found")],
            [STEP],
        ),
        (
            "opencode",
            [opencode_tool("The user has specified a rule which prevents you from using this specific tool call.")],
            [opencode_tool("")],
            [STEP],
        ),
        (
            "vibe",
            [vibe_effect(error={"code": "tool_denied"})],
            [vibe_effect(error={"code": "tool_error"})],
            [VIBE_ANSWER],
        ),
        (
            "gemini",
            gemini_result("policy_violation"),
            gemini_result("shell_execute_error"),
            [{"type": "result", "status": "success"}],
        ),
    ],
)
def test_a_tool_that_was_not_permitted_is_judged_alike_for_all_agents(
    agent: str, refused: list[Event], failed: list[Event], end: list[Event]
) -> None:
    more = "`allow` of the project or --permission-mode" if agent == "claude" else "--permission-mode"
    reason = f"not permitted: bash ({more} can permit more)"
    assert verdict(agent, *refused, *end) == Verdict(Outcome.FAILED, reason)
    assert verdict(agent, *failed, *end) == Verdict(Outcome.COMPLETED)
    assert verdict(agent, *refused, code=143).reason != reason or agent == "claude"
