"""What agents print about limits, overloads, budgets and refusals: each wording has its verdict and reset time.

tests/data/limits.jsonl has one wording a line, with the place where its agent prints it. Each one is fed to the agent's
reader in that place, in the events that surround it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from luzia_protocol.jobs import Outcome

from luziad.agents.base import Reader
from luziad.agents.failure_causes import find_cause
from luziad.agents.jsonl_output import JsonlOutput
from luziad.agents.usage_reset import parse_reset_time
from luziad.jobs.attempt import FailureCause, Verdict
from support import ROOT
from unit.luziad.agents.recordings import ADAPTERS, exited

NOW = datetime.fromisoformat("2026-09-20T13:00:00+02:00")
MAPPING = {
    "type": "type",
    "totals": False,
    "plan_text": "content",
    "plan_state": "status",
    "text": "message:text",
    "error": "error:message",
    "success": "end:type",
}
Event = dict[str, Any]


class Wording(NamedTuple):
    """A line of the corpus."""

    agent: str
    text: str
    where: str
    verdict: str
    resets: str | None
    kind: str
    source: str
    note: str

    @property
    def ends_well(self) -> bool:
        """Whether the run goes on and succeeds after the wording."""
        return self.verdict == "none"


CORPUS = [Wording(**json.loads(line)) for line in (ROOT / "tests/data/limits.jsonl").read_text().splitlines()]
every_wording = pytest.mark.parametrize("wording", CORPUS, ids=lambda each: f"{each.agent}: {each.text[:60]!r}")


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The local zone is Europe/Madrid."""
    monkeypatch.setenv("TZ", "Europe/Madrid")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def claude(wording: Wording) -> tuple[list[Event | str], str, int]:
    text = wording.text
    answer = {"type": "assistant", "message": {"model": "m", "content": [{"type": "text", "text": "Done"}]}}
    result = {"type": "result", "subtype": "success", "is_error": False, "result": "Done"}
    if wording.where == "stdout result":
        if text.startswith("{"):
            return [answer, text], "", 1
        synthetic = {"model": "<synthetic>", "content": [{"type": "text", "text": text}]}
        failed = result | {"is_error": True, "result": text}
        return [{"type": "assistant", "message": synthetic}, failed], "", 1
    if wording.where == "stdout (text mode)":
        return [], text, 1
    lines: list[Event | str] = [text] if wording.where in ("stdout event", "stdout") else []
    ends: list[Event | str] = [answer, result] if wording.ends_well else []
    return [*lines, *ends], text if wording.where == "stderr" else "", 0 if wording.ends_well else 1


def codex(wording: Wording) -> tuple[list[Event | str], str, int]:
    text, kind = wording.text, {"stdout item": "agent_message", "stdout item.completed error": "error"}
    begun: Event = {"type": "turn.started"}
    if item := kind.get(wording.where):
        said: Event = {"type": "item.completed", "item": {"id": "1", "type": item, "text": text, "message": text}}
        return [begun, said, {"type": "turn.completed"}], "", 0
    told: Event = {"type": "error", "message": text}
    if wording.ends_well:
        return [begun, told, {"type": "turn.completed"}], "", 0
    return [begun, told, {"type": "turn.failed", "error": {"message": text}}], "", 1


def gemini(wording: Wording) -> tuple[list[Event | str], str, int]:
    text, good = wording.text, {"type": "result", "status": "success"}
    answer: Event = {"type": "message", "role": "assistant", "content": "Done"}
    match wording.where:
        case "stdout result error" if text.startswith("{"):
            return [text], "", 53
        case "stdout result error":
            error = {"type": "unknown", "message": text}
            return [{"type": "result", "status": "error", "error": error}], "", 173
        case "stdout error event":
            return [{"type": "error", "severity": "warning", "message": text}, answer, good], "", 0
        case "stdout message":
            return [answer | {"content": text}, good], "", 0
    return ([answer, good], text, 0) if wording.ends_well else ([], text, 41)


def opencode(wording: Wording) -> tuple[list[Event | str], str, int]:
    text = wording.text
    error = json.loads(text) if text.startswith("{") else {"name": "APIError", "data": {"message": text}}
    return [{"type": "step_start"}, {"type": "error", "error": error}], "", 1


def vibe(wording: Wording) -> tuple[list[Event | str], str, int]:
    if wording.where == "stdout message (2.x)":
        return [{"role": "assistant", "content": wording.text}], "", 0
    return [{"role": "assistant", "content": "Done"}], wording.text, 3 if wording.text.startswith("Stopped") else 2


def copilot(wording: Wording) -> tuple[list[Event | str], str, int]:
    text, good = wording.text, {"type": "result", "sessionId": "s", "exitCode": 0}
    match wording.where:
        case "stderr":
            return [], text, 1
        case "stdout message":
            return [{"type": "assistant.message", "data": {"content": text}}, good], "", 0
        case "stdout tool.execution_complete":
            return (
                [{"type": "tool.execution_complete", "data": {"success": False, "error": {"message": text}}}, good],
                "",
                0,
            )
    return [{"type": "session.error", "data": {"message": text}}, good | {"exitCode": 1}], "", 1


def qwen(wording: Wording) -> tuple[list[Event | str], str, int]:
    good: Event = {"type": "result", "subtype": "success", "is_error": False, "result": "Done"}
    if wording.where == "stderr":
        return ([good], wording.text, 0) if wording.ends_well else ([], wording.text, 55)
    text = wording.text if wording.text.startswith("[API Error: ") else f"[API Error: {wording.text}]"
    return [good | {"result": text}], "", 0


def pi(wording: Wording) -> tuple[list[Event | str], str, int]:
    failed: Event = {"type": "turn_end", "message": {"stopReason": "error", "errorMessage": wording.text}}
    if wording.ends_well:
        return [failed, wording.text, {"type": "turn_end", "message": {"stopReason": "stop"}}], "", 0
    return [failed], "", 0


def configured(wording: Wording) -> tuple[list[Event | str], str, int]:
    """An agent that is understood by a mapping of its JSON lines."""
    if wording.where == "stderr":
        return ([{"type": "end"}], wording.text, 0) if wording.ends_well else ([], wording.text, 1)
    if wording.ends_well:
        said: Event | str = wording.text if wording.text.startswith("{") else {"type": "message", "text": wording.text}
        return [said, {"type": "end"}], "", 0
    return [{"type": "error", "message": wording.text}], "", 1


def read(wording: Wording) -> tuple[Reader, Verdict]:
    """The reader that has read the wording in its place, and its verdict."""
    agents = {"claude": claude, "codex": codex, "gemini": gemini, "opencode": opencode, "vibe": vibe}
    agents |= {"copilot": copilot, "qwen": qwen, "pi": pi}
    lines, stderr, code = agents.get(wording.agent, configured)(wording)
    known = ADAPTERS.get(wording.agent)
    reader = known.reader() if known else JsonlOutput(wording.agent, MAPPING).reader()
    for line in lines:
        reader.feed((line if isinstance(line, str) else json.dumps(line)).encode())
    return reader, reader.verdict(exited(code), stderr.encode())


def describe(reader: Reader, verdict: Verdict) -> str:
    """The verdict in the words of the corpus."""
    if verdict.outcome is Outcome.COMPLETED:
        return "none" if reader.summary().usage_limit is None else "usage limit of a run that completed"
    if verdict.outcome is Outcome.OVER_BUDGET:
        return "over_budget"
    assert verdict.outcome is Outcome.FAILED
    if verdict.cause is FailureCause.USAGE_LIMIT or reader.summary().usage_limit is not None:
        return "usage_limited"
    return "overloaded" if verdict.cause is FailureCause.OVERLOAD else "failed"


@every_wording
def test_each_wording_gets_its_verdict(wording: Wording) -> None:
    assert describe(*read(wording)) == wording.verdict, wording.note


@every_wording
def test_each_wording_gets_its_reset_time(wording: Wording) -> None:
    if wording.verdict not in ("usage_limited", "overloaded"):
        return
    reader, verdict = read(wording)
    limit = reader.summary().usage_limit
    found = limit.resets_at if limit is not None else None
    for words in (limit.words if limit is not None else "", verdict.reason or ""):
        found = parse_reset_time(words, NOW.timestamp()) if found is None else found
    told = None if wording.resets is None else datetime.fromisoformat(wording.resets).timestamp()
    assert found == told, wording.note


@pytest.mark.parametrize(
    "words",
    [
        "Your organization has used its monthly credits on this plan",
        "Quota gone for today",
        "The plan's limit is reached",
        "billing: the card was declined",
        "no more capacity for this workspace",
    ],
)
@pytest.mark.parametrize("agent", ["claude", "codex", "gemini", "opencode", "vibe", "mine"])
def test_unknown_words_that_name_an_account_are_suspected(agent: str, words: str) -> None:
    assert find_cause(agent, words) in (FailureCause.SUSPECTED, FailureCause.ACCOUNT)


@pytest.mark.parametrize(
    "words",
    [
        "Usage: claude [options]",
        "error: unknown option '--foo'",
        "recursion limit reached while expanding",
        "File size limit exceeded (core dumped)",
        "killed: memory limit",
        "token limit of the answer reached",
        "no such file or directory",
        "",
        "EDQUOT: disk quota exceeded, write '/home/user/.claude/history.jsonl'",
        "error: could not write config: Disk quota exceeded (os error 122)",
        "ENOSPC: System limit for number of file watchers reached, watch '/srv/app'",
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        "bash: fork: retry: Resource temporarily unavailable",
        "ulimit: open files: cannot modify limit: Operation not permitted",
        "file descriptor limit reached",
        "line length limit exceeded in config.toml",
        "Cannot find module './billing/limits.js'",
        "cd: /srv/billing: No such file or directory",
        "error: pathspec 'feature/credit-limits' did not match any file(s) known to git",
        "SyntaxError: Unexpected token in limits.json at position 429",
        "error: argument --limit: invalid int value: 'ten'",
        "thread 'main' panicked at src/limits.rs:429:5",
    ],
)
@pytest.mark.parametrize("agent", ["claude", "codex", "gemini", "opencode", "vibe", "mine"])
def test_words_that_name_no_account_are_not_suspected(agent: str, words: str) -> None:
    assert find_cause(agent, words) is None
