"""What a reader notes down while it reads: progress, and all else of an Understanding, with bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from luzia_protocol.jobs import Progress

from luziad.agents.base import OutputSummary, PlanItem, UsageLimit
from luziad.agents.json_values import one_line

E = TypeVar("E")
V = TypeVar("V")

MAX_PLAN_ITEMS = 1000
MAX_ITEM_CHARS = 200
MAX_TOOL_NAMES = 100
MAX_FILES = 500
MAX_PATH_CHARS = 4096
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
    """An entry of a to-do list, from the agent's words for it."""
    return _plan_item(text[: 4 * MAX_ITEM_CHARS], _STATES.get(state, "pending"))


@lru_cache(MAX_PLAN_ITEMS)  # a list is told whole again whenever one of its entries changes
def _plan_item(text: str, state: str) -> PlanItem:
    return PlanItem(one_line(text, MAX_ITEM_CHARS), state)


def parse_count(value: object) -> int:
    """A number of things as an agent tells it; 0 for what cannot be one."""
    return value if type(value) is int and 0 < value <= MAX_COUNT else 0


def parse_amount(value: object) -> float:
    """A positive number as an agent tells it; 0 for what cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_COUNT:
        return 0.0
    return float(value)


def put_bounded(table: dict[str, V], key: str, value: V) -> None:
    """Keep the value under an id that the agent gave, and forget the oldest when there are many."""
    if len(key) > MAX_ID_CHARS:
        return
    if len(table) >= MAX_OPEN:
        del table[next(iter(table))]
    table[key] = value


def tool_phase(name: str) -> str:
    """The phase of an agent that runs a tool."""
    return _tool_phase(name[:400])


@lru_cache(200)
def _tool_phase(name: str) -> str:
    return f"tool {one_line(name, 80)}" if name else "tool"


class SummaryBuilder:
    """Keeps what is known, and tells the progress when it changed."""

    def __init__(self) -> None:
        self.events = 0
        self.noise = 0
        self.turns = 0
        self.usage_limit: UsageLimit | None = None
        self._phase: str | None = None
        self._dirty = False
        self._told: tuple[str | None, tuple[int, int] | None] = (None, None)
        self._names: dict[str, str] = {}
        self._tool_calls = 0
        self._tools: dict[str, int] = {}
        self._files: dict[str, None] = {}
        self._more_files = False
        self._plan: list[PlanItem] = []
        self._counted: tuple[int, int] | None = None
        self._tokens: tuple[int, int, int] | None = None
        self._cost = 0.0
        self._message = ""

    def decode(self, decode: Callable[[bytes], E], line: bytes) -> E | None:
        """The event that a line holds; None, and counted as noise unless it is blank, when it holds none."""
        try:
            event = decode(line)
        except (ValueError, RecursionError):
            if line and not line.isspace():
                self.noise += 1
            return None
        self.events += 1
        return event

    def set_name(self, key: str, value: object) -> None:
        """The agent's `session`, `model` or `version` is this, unless it is no name at all."""
        if isinstance(value, str) and value and self._names.get(key) != value:
            self._names[key] = one_line(value, 200)

    def set_phase(self, phase: str) -> None:
        """The agent does this now."""
        if phase != self._phase:
            self._phase = phase
            self._dirty = True

    def add_tool_call(self, name: str) -> None:
        """A tool was called."""
        self._tool_calls += 1
        if name not in self._tools:
            name = one_line(name, 80) or "?"
        if name in self._tools or len(self._tools) < MAX_TOOL_NAMES:
            self._tools[name] = self._tools.get(name, 0) + 1

    def add_file(self, path: object) -> None:
        """A file was written."""
        if not isinstance(path, str) or not path or path in self._files:
            return
        if len(self._files) < MAX_FILES and len(path) <= MAX_PATH_CHARS:
            self._files[path] = None
        else:
            self._more_files = True

    def set_plan(self, items: list[PlanItem]) -> None:
        """The agent's to-do list is this now; dropped entries do not count."""
        self._plan = items[:MAX_PLAN_ITEMS]
        done = total = 0
        for item in self._plan:
            if item.state != "dropped":
                total += 1
                done += item.state == "completed"
        counted = (done, total) if total else None
        if counted != self._counted:
            self._counted = counted
            self._dirty = True

    def add_message(self, text: str, *, more: bool = False) -> None:
        """The model said this, and so it writes. more: it goes on with what it said before."""
        if more:
            text = self._message + text[:MAX_MESSAGE_CHARS]
        if text:
            self.set_phase("writing")
            self._message = text if len(text) <= MAX_MESSAGE_CHARS else text[: MAX_MESSAGE_CHARS + 1]

    def add_tokens(self, read: int, written: int, cached: int) -> None:
        """These tokens were used besides those that were counted before."""
        before = self._tokens or (0, 0, 0)
        self.set_tokens(before[0] + read, before[1] + written, before[2] + cached)

    def set_tokens(self, read: int, written: int, cached: int) -> None:
        """These are all tokens that were used; what was used before cannot become less."""
        if self._tokens is None or read + written >= self._tokens[0] + self._tokens[1]:
            self._tokens = (min(read, MAX_COUNT), min(written, MAX_COUNT), min(cached, MAX_COUNT))

    def add_cost(self, value: object) -> None:
        """It cost so many US dollars more; agents say 0 where they know no price."""
        self._cost += parse_amount(value)

    def set_cost(self, value: object) -> None:
        """It cost so many US dollars in all; agents say 0 where they know no price."""
        self._cost = parse_amount(value) or self._cost

    def set_usage_limit(self, words: str, resets_at: object = None) -> None:
        """The account's usage limit stops the agent. resets_at: epoch seconds, when it is a number."""
        known = self.usage_limit.resets_at if self.usage_limit else None
        self.usage_limit = UsageLimit(one_line(words), parse_amount(resets_at) or known)
        self.set_phase("usage limit")

    def take_progress(self) -> Progress | None:
        """The progress, or None when it has been told already."""
        if not self._dirty:
            return None
        self._dirty = False
        now = (self._phase, self._counted)
        if now == self._told:
            return None
        self._told = now
        if self._counted is None:
            return Progress(phase=self._phase)
        done, total = self._counted
        percent = min(99, 100 * done // total)
        return Progress(percent=percent, done=done, total=total, label="plan", phase=self._phase)

    def summary(self) -> OutputSummary:
        """Everything that was noted."""
        done, total = self._counted or (None, None)
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
        )
