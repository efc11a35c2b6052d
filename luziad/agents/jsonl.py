"""Agents from the configuration that print JSON lines: which field means what is said by a mapping.

A field is written `[TYPE:]PATH[=VALUE]`: the names on the way to it with dots between, read only from lines of that
type, and only when it has that value. docs/agents.md describes the mapping for its users.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec

from luzia_protocol.jobs import Progress

from luziad.agents.base import OutputSummary
from luziad.agents.json_values import MAX_TEXT_CHARS, as_objects, as_text, text_at
from luziad.agents.judging import is_usage_limit, judge, last_stderr_line
from luziad.agents.summary_builder import SummaryBuilder, make_plan_item, parse_count, tool_phase
from luziad.jobs.attempt import ExitRecord, Verdict

_FIELD = re.compile(r"(?:(?P<type>[^:=]+):)?(?P<path>[^:=.]+(?:\.[^:=.]+)*)(?:=(?P<value>.*))?")
_LITERALS = {"true": True, "false": False, "null": None}
_ABSENT: Any = object()
_TOKENS = ("tokens_in", "tokens_out", "tokens_cached")


class Field(NamedTuple):
    """Where something stands in a line. type: of the line, None for any. value: what must stand there, or nothing."""

    type: str | None
    path: tuple[str, ...]
    value: str | None


def parse_field(written: str) -> Field | None:
    """The field that a text of the configuration names; None when it names none."""
    match = _FIELD.fullmatch(written)
    return Field(match["type"], tuple(match["path"].split(".")), match["value"]) if match else None


class JsonlMapping(msgspec.Struct, frozen=True):
    """A mapping. type: where a line's type stands. totals: tokens and cost are told as totals so far.

    plan_text, plan_state: the names in an entry of the list at `plan`. where: for each type that the mapping names,
    and None for all others, what may stand in a line of it: names of things with the fields that are tried in turn.
    proves: success must be told.
    """

    type: tuple[str, ...]
    totals: bool
    plan_text: str
    plan_state: str
    where: dict[str | None, list[tuple[str, list[Field]]]]
    proves: bool


_OPTIONS = ("type", "totals", "plan_text", "plan_state")


def build_mapping(table: Mapping[str, Any]) -> JsonlMapping:
    """The mapping of a table in which every field is one that `field` reads, or a list of them."""
    things = {}
    for name, written in sorted(table.items(), key=lambda item: item[0] == "error"):  # an error beside success counts
        if name not in _OPTIONS and written:
            several = [written] if isinstance(written, str) else written
            things[name] = [found for each in several if (found := parse_field(each))]
    where: dict[str | None, list[tuple[str, list[Field]]]] = {}
    for kind in {None, *(each.type for several in things.values() for each in several)}:
        able = [(name, [f for f in several if f.type in (None, kind)]) for name, several in things.items()]
        where[kind] = [(name, several) for name, several in able if several]
    path = tuple(table["type"].split("."))
    return JsonlMapping(path, table["totals"], table["plan_text"], table["plan_state"], where, "success" in things)


def reader_factory(name: str, mapping: JsonlMapping) -> Callable[[], JsonlReader]:
    """What makes readers for the agent of this name."""
    return lambda: JsonlReader(name, mapping)


class JsonlReader:
    """Reads the lines of one run. name: of the agent, for words about it."""

    def __init__(self, name: str, mapping: JsonlMapping) -> None:
        self._name, self._mapping = name, mapping
        self._builder = SummaryBuilder()
        self._success = False
        self._failure = ""
        self._used: dict[str, Any] = {}
        self._where = mapping.where
        notes, used = self._builder, self._used
        self._take: dict[str, Callable[[Any], None]] = {
            **{name: partial(notes.set_name, name) for name in ("session", "model", "version")},
            **{name: partial(used.__setitem__, name) for name in _TOKENS},
            "turn": self._turn,
            "text": self._text,
            "tool": self._tool,
            "file": notes.add_file,
            "plan": self._plan,
            "cost": notes.set_cost if mapping.totals else notes.add_cost,
            "success": self._succeeded,
            "error": self._error,
        }

    def feed(self, line: bytes) -> Progress | None:
        """Take in one line."""
        event = self._builder.decode(_event, line)
        if event is None:
            return None
        kind: Any = event
        for key in self._mapping.type:
            kind = kind.get(key) if isinstance(kind, dict) else None
        where, take = self._where, self._take
        for name, several in where[kind if isinstance(kind, str) and kind in where else None]:
            found = _find_value(several, event)
            if found is not None:
                take[name](found)
        if self._used:
            self._count()
        return self._builder.take_progress()

    def summary(self) -> OutputSummary:
        """What has been understood so far."""
        return self._builder.summary()

    def is_finished(self) -> bool:
        """True after a line that tells success or an error."""
        return self._success or bool(self._failure)

    def verdict(self, exit_record: ExitRecord, stderr_tail: bytes) -> Verdict:
        """Success is a good exit, after the line that proves it where the mapping names one, and no later error."""
        return judge(
            exit_record,
            success=self._success or not self._mapping.proves,
            failure=self._failure,
            hint="",
            missing=f"{self._name} ended without telling success",
            stderr_words=last_stderr_line(stderr_tail),
        )

    def _turn(self, _: Any) -> None:
        self._builder.turns += 1
        self._builder.set_phase("thinking")

    def _text(self, words: Any) -> None:
        if said := as_text(words):
            self._builder.set_phase("thinking")
            self._builder.add_message(said)

    def _tool(self, name: Any) -> None:
        if called := as_text(name):
            self._builder.add_tool_call(called)
            self._builder.set_phase(tool_phase(called))

    def _plan(self, items: Any) -> None:
        if isinstance(items, list):
            names = self._mapping.plan_text, self._mapping.plan_state
            self._builder.set_plan(
                [
                    make_plan_item(as_text(item.get(names[0])), _parse_state(item.get(names[1])))
                    for item in as_objects(items)
                ]
            )

    def _count(self) -> None:
        """Take in the tokens that a line told."""
        used = [parse_count(self._used.get(name)) for name in _TOKENS]
        self._used.clear()
        (self._builder.set_tokens if self._mapping.totals else self._builder.add_tokens)(*used)

    def _error(self, error: Any) -> None:
        """An error ends the work, unless it is told as nothing, or success is told later."""
        if error:
            words = as_text(error) or text_at(error, "message")
            self._success, self._failure = False, words[: 4 * MAX_TEXT_CHARS] or f"{self._name} reports an error"
            if is_usage_limit(words):
                self._builder.set_usage_limit(words)

    def _succeeded(self, proof: Any) -> None:
        if proof:
            self._success, self._failure = True, ""
            self._builder.usage_limit = None


def _find_value(several: list[Field], event: Any) -> Any:
    """What stands in the first of these fields that the line has; None when it has none."""
    for where in several:
        found = event
        for key in where.path:
            found = found.get(key, _ABSENT) if isinstance(found, dict) else _ABSENT
        if where.value is None:
            if found is not None and found is not _ABSENT:
                return found
        elif _equals(found, where.value):
            return True
    return None


def _equals(found: Any, value: str) -> bool:
    """Whether what stands in a line is what the configuration asks for, where everything is written as text."""
    if isinstance(found, str):
        return found == value
    if value in _LITERALS:
        return found is _LITERALS[value]
    return isinstance(found, int | float) and not isinstance(found, bool) and str(found) == value


def _parse_state(value: Any) -> str:
    return "completed" if value is True else as_text(value)


_event = msgspec.json.Decoder(dict[str, Any]).decode
