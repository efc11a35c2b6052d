"""Configured agents that print JSON lines: a mapping defines the meaning of their fields. Pure.

A field is written `[TYPE:]PATH[=VALUE]`: PATH is a list of names separated by dots. The field is read from lines of
TYPE only, and only if it has that VALUE. docs/agents.md describes the mapping for users.
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
from luziad.agents.judging import judge, last_stderr_line
from luziad.agents.summary_builder import SummaryBuilder, make_plan_item, parse_count, tool_phase
from luziad.jobs.attempt import ExitRecord, Verdict

_FIELD = re.compile(r"(?:(?P<type>[^:=]+):)?(?P<path>[^:=.]+(?:\.[^:=.]+)*)(?:=(?P<value>.*))?")
_LITERALS = {"true": True, "false": False, "null": None}
_ABSENT: Any = object()
_TOKENS = ("tokens_in", "tokens_out", "tokens_cached")


class Field(NamedTuple):
    """A field of a line. type: the line's type, None for any. value: the value that it must have, None for any."""

    type: str | None
    path: tuple[str, ...]
    value: str | None


def parse_field(text: str) -> Field | None:
    """Parse a field from the configuration; None when it is invalid."""
    match = _FIELD.fullmatch(text)
    return Field(match["type"], tuple(match["path"].split(".")), match["value"]) if match else None


class JsonlMapping(msgspec.Struct, frozen=True):
    """A mapping. type: the path of a line's type. totals: tokens and cost are reported as running totals.

    plan_text, plan_state: the names in an entry of the list at `plan`. fields: for each type in the mapping, and None
    for all others, the settings with the fields that are tried in order. needs_success: success must be reported.
    """

    type: tuple[str, ...]
    totals: bool
    plan_text: str
    plan_state: str
    fields: dict[str | None, list[tuple[str, list[Field]]]]
    needs_success: bool


_OPTIONS = ("type", "totals", "plan_text", "plan_state")


def build_mapping(table: Mapping[str, Any]) -> JsonlMapping:
    """The mapping from a checked table: every field is one that `parse_field` accepts, or a list of them."""
    settings = {}
    for name, value in sorted(table.items(), key=lambda item: item[0] == "error"):  # read last: an error wins
        if name not in _OPTIONS and value:
            texts = [value] if isinstance(value, str) else value
            settings[name] = [field for text in texts if (field := parse_field(text))]
    by_type: dict[str | None, list[tuple[str, list[Field]]]] = {}
    for kind in {None, *(field.type for fields in settings.values() for field in fields)}:
        matching = [(name, [f for f in fields if f.type in (None, kind)]) for name, fields in settings.items()]
        by_type[kind] = [(name, fields) for name, fields in matching if fields]
    path = tuple(table["type"].split("."))
    return JsonlMapping(path, table["totals"], table["plan_text"], table["plan_state"], by_type, "success" in settings)


def reader_factory(name: str, mapping: JsonlMapping) -> Callable[[], JsonlReader]:
    """A function that creates readers for the agent of this name."""
    return lambda: JsonlReader(name, mapping)


class JsonlReader:
    """Reads the lines of one run. name: the agent's, for messages."""

    def __init__(self, name: str, mapping: JsonlMapping) -> None:
        self._name, self._mapping = name, mapping
        self._builder = SummaryBuilder()
        self._success = False
        self._failure = ""
        self._used: dict[str, Any] = {}
        self._fields = mapping.fields
        builder, used = self._builder, self._used
        self._take: dict[str, Callable[[Any], None]] = {
            **{name: partial(builder.set_name, name) for name in ("session", "model", "version")},
            **{name: partial(used.__setitem__, name) for name in _TOKENS},
            "turn": self._turn,
            "text": self._text,
            "tool": self._tool,
            "file": builder.add_file,
            "plan": self._plan,
            "cost": builder.set_cost if mapping.totals else builder.add_cost,
            "success": self._report_success,
            "error": self._error,
        }

    def feed(self, line: bytes) -> Progress | None:
        """Read one line."""
        event = self._builder.decode(_event, line)
        if event is None:
            return None
        kind: Any = event
        for key in self._mapping.type:
            kind = kind.get(key) if isinstance(kind, dict) else None
        by_type, take = self._fields, self._take
        for name, fields in by_type[kind if isinstance(kind, str) and kind in by_type else None]:
            found = _find_value(fields, event)
            if found is not None:
                take[name](found)
        if self._used:
            self._count()
        return self._builder.take_progress()

    def summary(self) -> OutputSummary:
        """The summary so far."""
        return self._builder.summary()

    def is_finished(self) -> bool:
        """True after a line that reports success or an error."""
        return self._success or bool(self._failure)

    def verdict(self, exit_record: ExitRecord, stderr_tail: bytes) -> Verdict:
        """Success is exit code 0 without a final error, and after the success line if the mapping has one."""
        return judge(
            self._name,
            exit_record,
            success=self._success or not self._mapping.needs_success,
            failure=self._failure,
            hint="",
            missing=f"{self._name} ended without reporting success",
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
        """Count the tokens that a line has reported."""
        used = [parse_count(self._used.get(name)) for name in _TOKENS]
        self._used.clear()
        (self._builder.set_tokens if self._mapping.totals else self._builder.add_tokens)(*used)

    def _error(self, error: Any) -> None:
        """An error is final, unless its value is empty or success is reported later."""
        if error:
            words = as_text(error) or text_at(error, "message")
            self._success, self._failure = False, words[: 4 * MAX_TEXT_CHARS] or f"{self._name} reported an error"
            self._builder.note_limit(self._name, words)

    def _report_success(self, proof: Any) -> None:
        if proof:
            self._success, self._failure = True, ""
            self._builder.usage_limit = None


def _find_value(fields: list[Field], event: Any) -> Any:
    """The value of the first of these fields that the line has; None when it has none."""
    for field in fields:
        found = event
        for key in field.path:
            found = found.get(key, _ABSENT) if isinstance(found, dict) else _ABSENT
        if field.value is None:
            if found is not None and found is not _ABSENT:
                return found
        elif _equals(found, field.value):
            return True
    return None


def _equals(found: Any, value: str) -> bool:
    """Whether a value equals the one in the configuration, where every value is a string."""
    if isinstance(found, str):
        return found == value
    if value in _LITERALS:
        return found is _LITERALS[value]
    return isinstance(found, int | float) and not isinstance(found, bool) and str(found) == value


def _parse_state(value: Any) -> str:
    return "completed" if value is True else as_text(value)


_event = msgspec.json.Decoder(dict[str, Any]).decode
