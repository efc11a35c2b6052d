"""Says in words for a screen what was understood of an agent's output."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from luzia_protocol.jobs import Progress

from luziad.agents.base import OutputSummary, describe_exit
from luziad.agents.json_values import one_line
from luziad.jobs.attempt import ExitRecord, Verdict

_MARKS = {"pending": "[ ]", "in_progress": "[~]", "completed": "[x]", "dropped": "[-]"}


class Phases:
    """The phases in their order, the first ones only."""

    MOST = 30

    def __init__(self) -> None:
        self._names: list[str] = []
        self._more = 0

    def take(self, progress: Progress | None) -> None:
        """Take in what a reader told."""
        phase = progress.phase if progress else None
        if phase is None or (self._names and self._names[-1] == phase):
            return
        if len(self._names) < self.MOST:
            self._names.append(phase)
        else:
            self._more += 1

    def __str__(self) -> str:
        more = [f"… ({self._more} more)"] if self._more else []
        return " → ".join([*self._names, *more]) or "none"


def facts(
    agent: str, known: OutputSummary, phases: Phases, verdict: Verdict, end: ExitRecord, *, assumed: bool
) -> Iterator[tuple[str, str]]:
    """Names and values, a pair for each line; without a name a line goes on with the one before.

    assumed: nobody said how the agent had ended.
    """
    yield "agent", " ".join(filter(None, (agent, known.version)))
    yield "session", known.session or "unknown"
    yield "model", known.model or "unknown"
    yield "phases", str(phases)
    yield "turns", str(known.turns)
    calls = ", ".join(f"{name} {times}" for name, times in known.tools.items())
    yield "tools", f"{known.tool_calls} ({calls})" if calls else str(known.tool_calls)
    yield from _files(known)
    yield from _plan(known)
    yield "tokens", _tokens(known)
    yield "cost", "unpriced" if known.cost_usd is None else f"${known.cost_usd:.4f}"
    if known.usage_limit is not None:
        yield "limit", _limit(known.usage_limit.words, known.usage_limit.resets_at)
    yield "message", one_line(known.last_message or "none")
    yield "lines", f"{known.events} events, {known.noise_lines} that were none"
    ended = describe_exit(end) + (", assumed: say --exit or --signal" if assumed else "")
    reason = f": {verdict.reason}" if verdict.reason else ""
    yield "verdict", f"{verdict.outcome.value}{reason} ({ended})"


def _files(known: OutputSummary) -> Iterator[tuple[str, str]]:
    for number, file in enumerate(known.files or ["none"]):
        yield "" if number else "files", one_line(file, 4096)
    if known.more_files:
        yield "", "… and more"


def _plan(known: OutputSummary) -> Iterator[tuple[str, str]]:
    yield "plan", "none" if known.plan_total is None else f"{known.plan_done}/{known.plan_total}"
    for item in known.plan:
        yield "", f"{_MARKS[item.state]} {item.text}"


def _tokens(known: OutputSummary) -> str:
    if known.tokens_in is None:
        return "unknown"
    return f"{known.tokens_in} in ({known.tokens_cached} from the cache), {known.tokens_out} out"


def _limit(words: str, resets_at: float | None) -> str:
    if resets_at is None:
        return words
    try:
        when = datetime.fromtimestamp(resets_at).astimezone().isoformat(" ", "minutes")
    except (ValueError, OverflowError, OSError):
        return words
    return f"{words} (resets {when})"
