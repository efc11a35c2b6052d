"""The mapping of an agent that prints JSON lines: which lines mean what. Pure.

docs/agent-own.md describes it for users.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from luziad.agents.expressions import Search
from luziad.agents.json_values import MAX_TEXT_CHARS, as_objects, as_text, text_at
from luziad.agents.jsonl_fields import Field, find_value, parse_field

KEYS = (
    "session", "model", "version", "turn_id", "turn", "text", "tool", "result", "file", "plan",
    "tokens_in", "tokens_out", "tokens_cached", "cost",
    "status", "cause", "resets_at", "success", "error", "retry",
)  # fmt: skip
"""The keys of a mapping with fields, in the order in which a line is read: an error is read after what explains it."""

MAX_VALUES = 1000
"""The number of values of one field that are read from a line."""


class JsonlMapping(msgspec.Struct, frozen=True):
    """A compiled mapping. type: finds a line's type. totals: tokens and cost are running totals, of the
    run (True or "run") or of the session.

    plan_text, plan_state: the names in an entry of the list at `plan`. fields: for each type in the mapping, and None
    for all others, the keys with the fields that are tried in order. needs_success: success must be reported.
    """

    type: Search
    totals: bool | str
    plan_text: str
    plan_state: str
    fields: dict[str | None, list[tuple[str, list[Field]]]]
    needs_success: bool

    def values(self, event: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """The keys that the line has a value for, in the order of KEYS."""
        kind = self.type(event)
        for name, fields in self.fields[kind if isinstance(kind, str) and kind in self.fields else None]:
            found = find_value(fields, event)
            if found is not None:
                yield name, found


def build_mapping(table: Mapping[str, Any]) -> JsonlMapping:
    """The mapping from a table of the configuration. Raises ExpressionError if the table has not been checked."""
    keys = {name: [*map(parse_field, each(table[name]))] for name in KEYS if table.get(name)}
    by_type: dict[str | None, list[tuple[str, list[Field]]]] = {}
    for kind in {None, *(field.type for fields in keys.values() for field in fields)}:
        matching = [(name, [f for f in fields if f.type in (None, kind)]) for name, fields in keys.items()]
        by_type[kind] = [(name, fields) for name, fields in matching if fields]
    return JsonlMapping(
        parse_field(table["type"]).search,
        table["totals"],
        table["plan_text"],
        table["plan_state"],
        by_type,
        "success" in keys,
    )


def each(value: Any) -> list[Any]:
    """The values of a field: those of a list, or the one value; none for None."""
    if isinstance(value, list):
        return value[:MAX_VALUES]
    return [] if value is None else [value]


def error_words(error: Any) -> str:
    """The message of an error, which is a text or an object with one."""
    return (as_text(error) or text_at(error, "message"))[: 4 * MAX_TEXT_CHARS]


def plan_entries(mapping: JsonlMapping, items: list[Any]) -> Iterator[tuple[str, str]]:
    """Text and state of each entry of a plan."""
    for item in as_objects(items):
        state = item.get(mapping.plan_state)
        yield as_text(item.get(mapping.plan_text)), "completed" if state is True else as_text(state)
