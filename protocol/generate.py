"""Writes protocol/schema/*.json from the structs. `make generate` runs it; a test compares the result.

requests.json describes the lines that a client sends, replies.json the lines that the daemon sends, and
events.json the items of a `subscribe` stream.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec

from luzia_protocol import events, replies, requests
from luzia_protocol.version import PROTOCOL_VERSION

DIRECTORY = Path(__file__).parent / "schema"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def components(types: Sequence[Any]) -> tuple[list[Schema], Schema]:
    """References to `types`, and their definitions."""
    references, definitions = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    for definition in definitions.values():
        # Python 3.13 dedents docstrings, older versions do not; the files must not depend on that.
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
    return list(references), dict(definitions)


def document(title: str, alternatives: list[Schema], definitions: Schema) -> Schema:
    """A schema that matches one of `alternatives`."""
    return {
        "$schema": DIALECT,
        "title": f"luzia protocol {PROTOCOL_VERSION}: {title}",
        "anyOf": alternatives,
        "$defs": dict(sorted(definitions.items())),
    }


def frame(doc: str | None, name: str, content: Schema) -> Schema:
    """A line from the daemon: `content` under `name`, and the request's id."""
    return {
        "description": doc,
        "type": "object",
        "properties": {
            name: content,
            "id": {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}], "default": None},
        },
        "required": [name],
    }


def replies_schema() -> Schema:
    """The frames of replies.py. The contents of `ok` are untagged, so msgspec cannot describe their union."""
    answers, definitions = components(get_args(replies.Ok))
    streams, more = components([replies.Error, replies.Output, replies.FollowEnd, replies.Lagged])
    error, output, end, lagged = streams
    frames = [
        frame(replies.OkFrame.__doc__, "ok", {"anyOf": answers}),
        frame(replies.ErrorFrame.__doc__, "error", error),
        frame(replies.EventFrame.__doc__, "event", {"$ref": "events.json"}),
        frame(replies.OutputFrame.__doc__, "output", output),
        frame(replies.EndFrame.__doc__, "end", end),
        frame(replies.LaggedFrame.__doc__, "lagged", lagged),
    ]
    return document("a line from the daemon", frames, definitions | more)


def schemas() -> dict[str, str]:
    """File names and their contents."""
    documents = {
        "requests.json": document("a line from a client", *components(get_args(requests.Request))),
        "replies.json": replies_schema(),
        "events.json": document("an event", *components(get_args(events.Event))),
    }
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in documents.items()}


if __name__ == "__main__":
    for name, content in schemas().items():
        (DIRECTORY / name).write_text(content)
