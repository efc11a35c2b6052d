"""Agents from the configuration that print JSON lines: which field means what is said by a mapping.

A field is written `[TYPE:]PATH[=VALUE]`: the names on the way to it with dots between, read only from lines of that
type, and only when it has that value. docs/agents.md describes the mapping for its users.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from luzia_protocol.jobs import Progress

from luziad.agents.base import Understanding, Verdict
from luziad.agents.notes import Notes, count, plan_item
from luziad.agents.reading import MAX_WORDS, at, is_usage_limit, judge, last_words, objects, text, tool_phase
from luziad.core.attempts import Exited

_WRITTEN = re.compile(r"(?:(?P<type>[^:=]+):)?(?P<path>[^:=.]+(?:\.[^:=.]+)*)(?:=(?P<value>.*))?")
_LITERALS = {"true": True, "false": False, "null": None}
_ABSENT: Any = object()


class Field(NamedTuple):
    """Where something stands in a line. type: of the line, None for any. value: what must stand there, or nothing."""

    type: str | None
    path: tuple[str, ...]
    value: str | None


def field(written: str) -> Field | None:
    """The field that a text of the configuration names; None when it names none."""
    match = _WRITTEN.fullmatch(written)
    return Field(match["type"], tuple(match["path"].split(".")), match["value"]) if match else None


class Fields(msgspec.Struct, frozen=True):
    """A mapping. type: where a line's type stands. totals: tokens and cost are told as totals so far.

    plan_text, plan_state: the names in an entry of the list at `plan`. The others are where each thing stands, with
    those that are read when there are several of them in turn.
    """

    type: tuple[str, ...]
    totals: bool
    plan_text: str
    plan_state: str
    where: dict[str, tuple[Field, ...]]


def fields(table: Mapping[str, Any]) -> Fields:
    """The mapping of a table in which every field is one that `field` reads, or a list of them."""
    where = {}
    for name, written in table.items():
        if name not in ("type", "totals", "plan_text", "plan_state") and written:
            several = [written] if isinstance(written, str) else written
            where[name] = tuple(found for each in several if (found := field(each)))
    return Fields(tuple(table["type"].split(".")), table["totals"], table["plan_text"], table["plan_state"], where)


def reader(name: str, mapping: Fields) -> Callable[[], JsonlReader]:
    """What makes readers for the agent of this name."""
    return lambda: JsonlReader(name, mapping)


class JsonlReader:
    """Reads the lines of one run. name: of the agent, for words about it."""

    def __init__(self, name: str, mapping: Fields) -> None:
        self._name, self._mapping = name, mapping
        self._notes = Notes()
        self._success = False
        self._failure = ""

    def feed(self, line: bytes) -> Progress | None:
        """Take in one line."""
        event = self._notes.event(_event, line)
        if event is None:
            return None
        notes, kind = self._notes, at(event, *self._mapping.type)
        for name in ("session", "model", "version"):
            notes.name(name, self._first(name, event, kind))
        if self._first("turn", event, kind) is not None:
            notes.turns += 1
            notes.phase("thinking")
        if words := text(self._first("text", event, kind)):
            notes.phase("thinking")
            notes.message(words)
        if tool := text(self._first("tool", event, kind)):
            notes.tool(tool)
            notes.phase(tool_phase(tool))
        notes.file(self._first("file", event, kind))
        self._plan(self._first("plan", event, kind))
        self._usage(event, kind)
        self._end(event, kind)
        return notes.changed()

    def understanding(self) -> Understanding:
        """What has been understood so far."""
        return self._notes.understanding()

    def finished(self) -> bool:
        """True after a line that tells success or an error."""
        return self._success or bool(self._failure)

    def verdict(self, exit_record: Exited, stderr_tail: bytes) -> Verdict:
        """Success is a good exit, after the line that proves it where the mapping names one, and no later error."""
        return judge(
            exit_record,
            success=self._success or "success" not in self._mapping.where,
            failure=self._failure,
            hint="",
            missing=f"{self._name} ended without telling success",
            stderr_words=last_words(stderr_tail),
        )

    def _first(self, name: str, event: Any, kind: Any) -> Any:
        """What stands in the first of a thing's fields that the line has; None when it has none."""
        for where in self._mapping.where.get(name, ()):
            if where.type is not None and where.type != kind:
                continue
            found: Any = event
            for key in where.path:
                found = found.get(key, _ABSENT) if isinstance(found, dict) else _ABSENT
            if where.value is not None and _is(found, where.value):
                return True
            if where.value is None and found is not None and found is not _ABSENT:
                return found
        return None

    def _plan(self, items: Any) -> None:
        if isinstance(items, list):
            names = self._mapping.plan_text, self._mapping.plan_state
            self._notes.plan(
                [plan_item(text(item.get(names[0])), _state(item.get(names[1]))) for item in objects(items)]
            )

    def _usage(self, event: Any, kind: Any) -> None:
        told = [self._first(name, event, kind) for name in ("tokens_in", "tokens_out", "tokens_cached")]
        if told[0] is not None or told[1] is not None:
            put = self._notes.set_tokens if self._mapping.totals else self._notes.add_tokens
            put(*map(count, told))
        cost = self._first("cost", event, kind)
        if cost is not None:
            (self._notes.set_cost if self._mapping.totals else self._notes.add_cost)(cost)

    def _end(self, event: Any, kind: Any) -> None:
        """Of success and errors, the later one counts."""
        if error := self._first("error", event, kind):
            words = text(error) or text(at(error, "message"))
            self._success, self._failure = False, words[: 4 * MAX_WORDS] or f"{self._name} reports an error"
            if is_usage_limit(words):
                self._notes.limit(words)
        elif self._first("success", event, kind):
            self._success, self._failure = True, ""
            self._notes.usage_limit = None


def _is(found: Any, value: str) -> bool:
    """Whether what stands in a line is what the configuration asks for, where everything is written as text."""
    if isinstance(found, str):
        return found == value
    if value in _LITERALS:
        return found is _LITERALS[value]
    return isinstance(found, int | float) and not isinstance(found, bool) and str(found) == value


def _state(value: Any) -> str:
    return "completed" if value is True else text(value)


_event = msgspec.json.Decoder(dict[str, Any]).decode
