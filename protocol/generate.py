"""Writes protocol/schema/*.json from the structs. `make generate` runs it; a test compares the result.

requests.json describes the lines that a client sends, replies.json the lines that the daemon sends, and events.json the
items of a `subscribe` stream. operations.json binds each op to its request, its reply and the items of its stream. Each
schema is complete in itself, so that a validator needs no other file.
"""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec

from luzia_protocol import events, jobs, replies, requests, schedules, searching
from luzia_protocol.answers import ANSWERS
from luzia_protocol.version import PROTOCOL_VERSION

DIRECTORY = Path(__file__).parent / "schema"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_DURATION = {"exclusiveMinimum": 0, "exclusiveMaximum": 1_000_000_000}
_UMASK = {"minimum": 0, "maximum": 0o777}
_PRIORITY = {"minimum": -jobs.MAX_PRIORITY, "maximum": jobs.MAX_PRIORITY}
_OFFSET = {"minimum": 0, "exclusiveMaximum": 2**62}
_DISPATCH: Schema = {
    **dict.fromkeys(("timeout_s", "stall_timeout_s", "expires_s", "job_timeout_s", "start_in_s"), _DURATION),
    **dict.fromkeys(("max_cost_usd", "max_turns"), _DURATION),
    "priority": _PRIORITY,
    "retries": {"minimum": 0, "maximum": jobs.MAX_RETRIES},
    "backoff_s": {"minItems": 1, "maxItems": 2},
    "cpus": {"exclusiveMinimum": 0, "maximum": jobs.MAX_CPUS},
    "max_cpus": {"exclusiveMinimum": 0, "maximum": jobs.MAX_CPUS},
    "gpus": {"exclusiveMinimum": 0, "maximum": jobs.MAX_CPUS},
    "memory_bytes": {"minimum": 1},
    "max_memory_bytes": {"minimum": 64 * 1024, "maximum": 2**50},
    "max_processes": {"minimum": 1, "maximum": 1_000_000_000},
    "umask": _UMASK,
    "tags": {"maxProperties": requests.MAX_TAGS},
}
BOUNDS: dict[str, Schema] = {
    "Dispatch": _DISPATCH,
    "Node": _DISPATCH,
    "Graph": {"jobs": {"minItems": 1, "maxItems": requests.MAX_GRAPH_JOBS}, "umask": _UMASK},
    "Edit": {"priority": _PRIORITY},
    "List": {
        "limit": {"minimum": 1, "maximum": requests.MAX_PAGE},
        "search": {"maxLength": requests.MAX_SEARCH_CHARS},
    },
    "Search": {
        "limit": {"minimum": 1, "maximum": searching.MAX_HITS},
        "words": {"maxLength": requests.MAX_SEARCH_CHARS},
    },
    "Logs": {"max_bytes": {"minimum": 1, "maximum": requests.MAX_OUTPUT_BYTES}, "offset": _OFFSET},
    "Follow": {"offset": _OFFSET},
    "Wait": {"jobs": {"maxItems": requests.MAX_WAIT_JOBS}},
    "Import": {"jobs": {"maxItems": requests.MAX_IMPORT_JOBS}},
    "ScheduleShow": {"runs": {"minimum": 0, "maximum": schedules.MAX_RUNS_SHOWN}},
}
"""Request -> field -> the bounds that the daemon enforces; a test compares them with a daemon."""


def components(types: Sequence[Any]) -> tuple[list[Schema], Schema]:
    """References to `types`, and their definitions."""
    references, definitions = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    for definition in definitions.values():
        # Python 3.13 dedents docstrings, older versions do not; the files must not depend on that.
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
    return list(references), dict(definitions)


def document(name: str, title: str, alternatives: list[Schema], definitions: Schema) -> Schema:
    """A schema that matches one of `alternatives`."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:luzia:protocol:{PROTOCOL_VERSION}:{name}",
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


def requests_schema() -> Schema:
    """The structs of requests, with the bounds of their fields. A dispatch inside of another request needs no `op`."""
    references, definitions = components(get_args(requests.Request))
    for name, fields in BOUNDS.items():
        for field, bounds in fields.items():
            described = definitions[name]["properties"][field]
            for alternative in described.get("anyOf", [described]):
                if alternative["type"] != "null":
                    alternative.update(bounds)
    definitions["Graph"]["properties"]["parts"]["minimum"] = 0
    definitions["Node"]["required"].remove("op")
    scheduled = copy.deepcopy(definitions["Dispatch"])
    scheduled["required"].remove("op")
    definitions["ScheduledDispatch"] = scheduled
    definitions["ScheduleAdd"]["properties"]["job"] = {"$ref": "#/$defs/ScheduledDispatch"}
    return document("requests", "a line from a client", references, definitions)


def event_alternatives() -> tuple[list[Schema], Schema]:
    """The kinds of events, and any other kind: newer daemons have more."""
    references, definitions = components(get_args(events.Event))
    _, base = components([events.Base])
    other = base["Base"]
    other["title"] = "OtherEvent"
    other["description"] = "An event of a kind that this version does not have."
    other["properties"]["kind"] = {"type": "string", "not": {"enum": list(get_args(events.EventKind))}}
    other["required"] = ["kind", *(name for name in other["required"] if name != "kind")]
    definitions["OtherEvent"] = other
    return [*references, {"$ref": "#/$defs/OtherEvent"}], definitions


def replies_schema() -> Schema:
    """The frames of replies.py. The contents of `ok` are untagged, so msgspec cannot describe their union."""
    types = get_args(replies.Ok)
    answers, definitions = components(types)
    for answer, kind in zip(answers, types, strict=True):
        if kind is replies.StreamStart:
            answer["maxProperties"] = 0  # any object would match it
    streams, more = components(
        [replies.Error, replies.Output, replies.FollowEnd, replies.Lagged, replies.Position, replies.Queues]
    )
    error, output, end, lagged, position, queues = streams
    code = more["ErrorCode"]
    more["ErrorCode"] = {"title": code["title"], "description": code["description"]} | {
        "anyOf": [{"enum": code["enum"]}, {"type": "string", "description": "A code that only newer daemons have."}]
    }
    definitions["ErrorCode"] = more["ErrorCode"]
    kinds, of_events = event_alternatives()
    frames = [
        frame(replies.OkFrame.__doc__, "ok", {"anyOf": answers}),
        frame(replies.ErrorFrame.__doc__, "error", error),
        frame(replies.EventFrame.__doc__, "event", {"anyOf": kinds}),
        frame(replies.OutputFrame.__doc__, "output", output),
        frame(replies.EndFrame.__doc__, "end", end),
        frame(replies.LaggedFrame.__doc__, "lagged", lagged),
        frame(replies.PositionFrame.__doc__, "position", position),
        frame(replies.QueuesFrame.__doc__, "queues", queues),
    ]
    return document("replies", "a line from the daemon", frames, definitions | more | of_events)


def operations_table() -> Schema:
    """Op -> where its request, its reply and the items of its stream are described."""
    table: Schema = {}
    for request, answer in ANSWERS.items():
        row: Schema = {
            "request": f"requests.json#/$defs/{request.__name__}",
            "reply": f"replies.json#/$defs/{answer.reply.__name__}",
        }
        if answer.items:
            fields = (field for item in answer.items for field in msgspec.structs.fields(item))
            row["items"] = sorted(field.name for field in fields if field.name != "id")
        table[request.__struct_config__.tag] = row  # type: ignore[attr-defined]
    return {
        "title": f"luzia protocol {PROTOCOL_VERSION}: the request, the `ok` of the reply, and the items of each op",
        "operations": dict(sorted(table.items())),
    }


def schemas() -> dict[str, str]:
    """File names and their contents."""
    documents = {
        "requests.json": requests_schema(),
        "replies.json": replies_schema(),
        "events.json": document("events", "an event", *event_alternatives()),
        "operations.json": operations_table(),
    }
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in documents.items()}


if __name__ == "__main__":
    for name, content in schemas().items():
        (DIRECTORY / name).write_text(content)
