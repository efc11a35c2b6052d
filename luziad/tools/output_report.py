"""The report of `luzia agents read` about an agent's output."""

from __future__ import annotations

from collections.abc import Iterator

from luzia_protocol import times
from luzia_protocol.jobs import Progress
from luzia_protocol.money import format_usd

from luziad.agents.base import OutputSummary, describe_exit
from luziad.agents.json_values import one_line
from luziad.jobs.attempt import ExitRecord, Verdict

_MARKS = {"pending": "[ ]", "in_progress": "[~]", "completed": "[x]", "dropped": "[-]"}


class Phases:
    """The first phases, in order."""

    MOST = 30

    def __init__(self) -> None:
        self._names: list[str] = []
        self._more = 0

    def add(self, progress: Progress | None) -> None:
        """Add the phase of a progress, if it is new."""
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


def describe_output(
    agent: str, summary: OutputSummary, phases: Phases, verdict: Verdict, end: ExitRecord, *, assumed: bool
) -> Iterator[tuple[str, str]]:
    """The report as pairs of a name and a value, one for each line; an empty name continues the line before.

    assumed: the exit status was not specified.
    """
    yield "agent", " ".join(filter(None, (agent, summary.version)))
    yield "session", summary.session or "unknown"
    yield "model", summary.model or "unknown"
    yield "phases", str(phases)
    yield "turns", str(summary.turns)
    calls = ", ".join(f"{name} {times}" for name, times in summary.tools.items())
    yield "tools", f"{summary.tool_calls} ({calls})" if calls else str(summary.tool_calls)
    yield from _files(summary)
    yield from _plan(summary)
    yield "tokens", _tokens(summary)
    yield "cost", "unknown" if summary.cost_usd is None else format_usd(summary.cost_usd)
    if summary.usage_limit is not None:
        yield "limit", _limit(summary.usage_limit.words, summary.usage_limit.resets_at)
    yield "message", one_line(summary.last_message or "none")
    yield "lines", f"{summary.events} events, {summary.noise_lines} other"
    ended = describe_exit(end) + (", assumed; pass --exit or --signal" if assumed else "")
    reason = f": {verdict.reason}" if verdict.reason else ""
    yield "verdict", f"{verdict.outcome.value}{reason} ({ended})"


def _files(summary: OutputSummary) -> Iterator[tuple[str, str]]:
    for number, file in enumerate(summary.files or ["none"]):
        yield "" if number else "files", one_line(file, 4096)
    if summary.more_files:
        yield "", "… and more"


def _plan(summary: OutputSummary) -> Iterator[tuple[str, str]]:
    yield "plan", "none" if summary.plan_total is None else f"{summary.plan_done}/{summary.plan_total}"
    for item in summary.plan:
        yield "", f"{_MARKS[item.state]} {item.text}"


def _tokens(summary: OutputSummary) -> str:
    if summary.tokens_in is None:
        return "unknown"
    return f"{summary.tokens_in} in ({summary.tokens_cached} cached), {summary.tokens_out} out"


def _limit(words: str, resets_at: float | None) -> str:
    if resets_at is None:
        return words
    when = times.to_local(times.to_datetime(resets_at)).isoformat(" ", "minutes")
    return f"{words} (resets {when})" if times.is_moment(resets_at) else words
