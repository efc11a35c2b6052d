"""Builds an OutputSummary and the progress while a reader reads, in bounded memory. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from msgspec.structs import replace

from luzia_protocol.activity import PlanItem, SessionTotals
from luzia_protocol.jobs import Progress

from luziad.agents.base import OutputSummary, UsageLimit
from luziad.agents.failure_causes import is_usage_limit
from luziad.agents.json_values import one_line, text_at
from luziad.jobs.session_totals import NO_TOTALS, growth

E = TypeVar("E")
V = TypeVar("V")

MAX_PLAN_ITEMS = 1000
MAX_ITEM_CHARS = 200
MAX_TOOL_NAMES = 100
MAX_FILES = 500
MAX_PATH_CHARS = 4096
MAX_FILES_CHARS = 64 * 1024
"""All paths together."""
MAX_MESSAGE_CHARS = 4000
MAX_COUNT = 2**53 - 1
MAX_OPEN = 100
MAX_ID_CHARS = 200

_STATES = {
    "in_progress": "in_progress",
    "completed": "completed",
    "done": "completed",
    "cancelled": "dropped",
    "canceled": "dropped",
    "deleted": "dropped",
}


def make_plan_item(text: str, state: str) -> PlanItem:
    """An entry of a plan, from the agent's text and its name of the state."""
    return _plan_item(text[: 4 * MAX_ITEM_CHARS], _STATES.get(state, "pending"))


@lru_cache(MAX_PLAN_ITEMS)  # agents print the whole list again when an entry changes
def _plan_item(text: str, state: str) -> PlanItem:
    return PlanItem(one_line(text, MAX_ITEM_CHARS), state)


def parse_count(value: object) -> int:
    """A count as an agent reports it; 0 when the value is not a count."""
    return value if type(value) is int and 0 < value <= MAX_COUNT else 0


def parse_amount(value: object) -> float:
    """A positive number as an agent reports it; 0 when the value is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_COUNT:
        return 0.0
    return float(value)


def put_bounded(table: dict[str, V], key: str, value: V) -> None:
    """Keep the value under an id from the agent, and drop the oldest one when there are many."""
    if len(key) > MAX_ID_CHARS:
        return
    if len(table) >= MAX_OPEN:
        del table[next(iter(table))]
    table[key] = value


def tool_phase(name: str) -> str:
    """The name of the phase in which an agent runs a tool."""
    return _tool_phase(name[:400])


@lru_cache(200)
def _tool_phase(name: str) -> str:
    return f"tool {one_line(name, 80)}" if name else "tool"


class SummaryBuilder:
    """Collects what a reader reads."""

    def __init__(self) -> None:
        self.events = 0
        self.noise = 0
        self.turns = 0
        self.usage_limit: UsageLimit | None = None
        self.refused: dict[str, None] = {}
        self._phase: str | None = None
        self._dirty = False
        self._reported: tuple[str | None, tuple[int, int] | None] = (None, None)
        self._names: dict[str, str] = {}
        self._tool_calls = 0
        self._tools: dict[str, int] = {}
        self._files: dict[str, None] = {}
        self._file_chars = 0
        self._more_files = False
        self._plan: list[PlanItem] = []
        self._plan_counts: tuple[int, int] | None = None
        self._tokens: tuple[int, int, int] | None = None
        self._cost = 0.0
        self._earlier: Mapping[str, SessionTotals] | None = None
        self._resumed: str | None = None
        self._totals: SessionTotals | None = None
        self._own = NO_TOTALS  # the part of tokens and cost that totals account for
        self._message = ""

    def decode(self, decode: Callable[[bytes], E], line: bytes) -> E | None:
        """Decode the event in a line. A line without one gives None and counts as noise unless it is blank."""
        try:
            event = decode(line)
        except (ValueError, RecursionError):
            if line and not line.isspace():
                self.noise += 1
            return None
        self.events += 1
        return event

    def set_name(self, key: str, value: object) -> None:
        """Set the agent's `session`, `model` or `version`, unless the value is not a name."""
        if isinstance(value, str) and value and self._names.get(key) != value:
            self._names[key] = one_line(value, 200)

    def set_phase(self, phase: str) -> None:
        """Set what the agent is doing now."""
        if phase != self._phase:
            self._phase = phase
            self._dirty = True

    def add_tool_call(self, name: str) -> None:
        """Count a call of a tool."""
        self._tool_calls += 1
        if name not in self._tools:
            name = one_line(name, 80) or "?"
        if name in self._tools or len(self._tools) < MAX_TOOL_NAMES:
            self._tools[name] = self._tools.get(name, 0) + 1

    def add_refusal(self, name: str) -> None:
        """Note that the agent's permissions did not let it use the tool."""
        put_bounded(self.refused, one_line(name, 80), None)

    def add_file(self, path: object) -> None:
        """Add a file that was written."""
        if not isinstance(path, str) or not path or path in self._files:
            return
        size = self._file_chars + len(path)
        if len(self._files) < MAX_FILES and len(path) <= MAX_PATH_CHARS and size <= MAX_FILES_CHARS:
            self._files[path] = None
            self._file_chars = size
        else:
            self._more_files = True

    def set_plan(self, items: list[PlanItem]) -> None:
        """Set the agent's plan; dropped entries do not count as progress."""
        self._plan = items[:MAX_PLAN_ITEMS]
        done = total = 0
        for item in self._plan:
            if item.state != "dropped":
                total += 1
                done += item.state == "completed"
        counts = (done, total) if total else None
        if counts != self._plan_counts:
            self._plan_counts = counts
            self._dirty = True

    def set_todos(self, todos: list[dict[str, Any]], text: str = "content") -> None:
        """Set the plan from an agent's own list. text: the name of the field with an entry's words."""
        self.set_plan([make_plan_item(text_at(todo, text), text_at(todo, "status")) for todo in todos])

    def add_message(self, text: str, *, more: bool = False) -> None:
        """Set the model's last message. more: it continues the previous one."""
        if more:
            text = self._message + text[:MAX_MESSAGE_CHARS]
        if text:
            self.set_phase("writing")
            self._message = text if len(text) <= MAX_MESSAGE_CHARS else text[: MAX_MESSAGE_CHARS + 1]

    def add_tokens(self, read: int, written: int, cached: int) -> None:
        """Add tokens to those counted so far."""
        before = self._tokens or (0, 0, 0)
        self.set_tokens(before[0] + read, before[1] + written, before[2] + cached)

    def set_tokens(self, read: int, written: int, cached: int) -> None:
        """Set the total of tokens, unless it is less than before."""
        if self._tokens is None or read + written >= self._tokens[0] + self._tokens[1]:
            self._tokens = (min(read, MAX_COUNT), min(written, MAX_COUNT), min(cached, MAX_COUNT))

    def add_cost(self, value: object) -> None:
        """Add a cost in US dollars; agents report 0 when they do not know it."""
        self._cost += parse_amount(value)

    def set_cost(self, value: object) -> None:
        """Set the total cost in US dollars; agents report 0 when they do not know it."""
        self._cost = parse_amount(value) or self._cost

    def resume(self, earlier: Mapping[str, SessionTotals], session: str | None) -> None:
        """Set the totals of sessions before this attempt, and the session that it resumes."""
        self._earlier, self._resumed = earlier, session

    def forget_earlier(self) -> None:
        """The totals of this attempt begin at zero, although it resumes a session."""
        self._earlier = {}

    def set_session_totals(self, totals: SessionTotals, own: SessionTotals | None = None) -> None:
        """Count what the totals of the agent's session have grown by; totals that have shrunk began again at zero.

        own: what the agent says that this attempt has added since its last report. The cost may have grown by more:
        that of an attempt that ended without a report is in the totals of the next one. Zeros are unknown.
        """
        before = self._session_totals() or NO_TOTALS
        if not (totals.tokens_in or totals.tokens_out):
            totals = replace(before, cost_usd=totals.cost_usd)
        self._totals = totals = replace(totals, cost_usd=totals.cost_usd or before.cost_usd)
        grown, counted = growth(before, totals), self._own
        tokens = grown if own is None else own
        self._own = SessionTotals(
            counted.tokens_in + tokens.tokens_in,
            counted.tokens_out + tokens.tokens_out,
            counted.tokens_cached + tokens.tokens_cached,
            counted.cost_usd + max(grown.cost_usd, tokens.cost_usd),
        )
        if self._own.tokens_in or self._own.tokens_out:
            self.set_tokens(self._own.tokens_in, self._own.tokens_out, self._own.tokens_cached)
        self.set_cost(self._own.cost_usd)

    def _session_totals(self) -> SessionTotals | None:
        """The totals of the session so far; None before the session is known, and for agents that report none."""
        session = self._names.get("session") or self._resumed
        if self._totals is not None or self._earlier is None or session is None:
            return self._totals
        return self._earlier.get(session, NO_TOTALS)

    def set_usage_limit(self, words: str, resets_at: object = None) -> None:
        """Set the usage limit that stops the agent. resets_at: epoch seconds, if it is a number."""
        known = self.usage_limit.resets_at if self.usage_limit else None
        self.usage_limit = UsageLimit(one_line(words), parse_amount(resets_at) or known)
        self.set_phase("usage limit")

    def note_limit(self, agent: str, words: str) -> None:
        """Set the usage limit if these words of an agent report one."""
        if is_usage_limit(agent, words):
            self.set_usage_limit(words)

    def take_progress(self) -> Progress | None:
        """The progress, or None if it has not changed since the last call."""
        if not self._dirty:
            return None
        self._dirty = False
        now = (self._phase, self._plan_counts)
        if now == self._reported:
            return None
        self._reported = now
        if self._plan_counts is None:
            return Progress(phase=self._phase)
        done, total = self._plan_counts
        percent = min(99, 100 * done // total)
        return Progress(percent=percent, done=done, total=total, label="plan", phase=self._phase)

    def summary(self) -> OutputSummary:
        """The summary so far."""
        done, total = self._plan_counts or (None, None)
        read, written, cached = self._tokens or (None, None, None)
        cut = len(self._message) > MAX_MESSAGE_CHARS
        return OutputSummary(
            session=self._names.get("session"),
            model=self._names.get("model"),
            version=self._names.get("version"),
            phase=self._phase,
            turns=self.turns,
            tool_calls=self._tool_calls,
            tools=dict(self._tools),
            files=list(self._files),
            more_files=self._more_files,
            plan_done=done,
            plan_total=total,
            plan=self._plan,
            tokens_in=read,
            tokens_out=written,
            tokens_cached=cached,
            cost_usd=self._cost or None,
            usage_limit=self.usage_limit,
            last_message=(self._message[: MAX_MESSAGE_CHARS - 1] + "…" if cut else self._message) or None,
            events=self.events,
            noise_lines=self.noise,
            totals=self._session_totals(),
        )
