"""The checked-in JSON Schema is the one that the structs give."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest

from luzia_protocol import events, replies, requests
from luzia_protocol.answers import ANSWERS
from luzia_protocol.errors import REMEDIES

from schemas import of_op, validator
from unit.house.scripts import ROOT, load

GENERATE = load("protocol/generate.py")
NAMES = sorted(GENERATE.schemas())
SCHEMAS = [name for name in NAMES if name != "operations.json"]


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_is_up_to_date(name: str) -> None:
    checked_in = (ROOT / "protocol" / "schema" / name).read_text()
    assert checked_in == GENERATE.schemas()[name], "run `make generate`"


def test_there_is_no_other_schema() -> None:
    assert sorted(path.name for path in (ROOT / "protocol" / "schema").iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_leads_somewhere(name: str) -> None:
    text = GENERATE.schemas()[name]
    schema: dict[str, Any] = json.loads(text)
    for target in re.findall(r'"\$ref": "([^"]+)"', text):
        file, _, path = target.partition("#/$defs/")
        assert file in NAMES if file else path in schema["$defs"]


def test_every_op_and_every_event_kind_is_described() -> None:
    for name, union, field in (
        ("requests.json", requests.Request, "op"),
        ("events.json", events.Event, "kind"),
    ):
        definitions = json.loads(GENERATE.schemas()[name])["$defs"].values()
        tagged = [d["properties"][field] for d in definitions if field in d.get("properties", {})]
        described = {tag["enum"][0] for tag in tagged if "enum" in tag}  # another kind of event has none
        assert described == {struct.__struct_config__.tag for struct in get_args(union)}


def test_each_schema_is_complete_in_itself_and_has_an_id_of_its_own() -> None:
    found = [json.loads(GENERATE.schemas()[name]) for name in SCHEMAS]
    assert len({schema["$id"] for schema in found}) == len(SCHEMAS)
    for schema in found:
        jsonschema_rs.meta.validate(schema)
        jsonschema_rs.validator_for(schema)  # raises for a reference that it cannot resolve


def test_each_op_is_bound_to_its_request_and_its_reply() -> None:
    table = json.loads(GENERATE.schemas()["operations.json"])["operations"]
    assert set(table) == {struct.__struct_config__.tag for struct in get_args(requests.Request)}
    assert set(ANSWERS) == set(get_args(requests.Request))
    assert {answer.reply for answer in ANSWERS.values()} == set(get_args(replies.Ok))
    for row in table.values():
        for part in (row["request"], row["reply"]):
            file, _, definition = part.partition("#/$defs/")
            assert definition in json.loads(GENERATE.schemas()[file])["$defs"]


def test_a_wrong_reply_is_not_valid() -> None:
    lines = validator("replies")
    assert lines.is_valid({"ok": {}, "id": 1})
    assert lines.is_valid({"ok": {"job": "a", "state": "queued", "of_a_newer_daemon": 1}})
    assert not lines.is_valid({"ok": {"nonsense": 1}})
    assert not lines.is_valid({"ok": {"job": "a", "state": "resting"}})
    assert not of_op("status", "reply").is_valid({"job": "a", "state": "queued"})
    assert not of_op("list", "reply").is_valid({})
    for answer in ANSWERS.values():
        if answer.reply is not replies.StreamStart:
            assert not validator("replies", answer.reply.__name__).is_valid({}), answer.reply


def test_codes_and_kinds_are_open() -> None:
    of_any_kind = {"seq": 1, "at": "2026-01-01T00:00:00Z", "job": "a", "project": "p", "state": "queued"}
    event = {**of_any_kind, "kind": "teleported", "where": 1}
    assert validator("events").is_valid(event)
    assert validator("replies").is_valid({"event": event})
    assert validator("replies").is_valid({"error": {"code": "too_newfangled", "message": "m", "hint": "h"}})
    assert not validator("events").is_valid({**of_any_kind, "kind": "starting"})  # which has an attempt
    assert not validator("events").is_valid({**event, "seq": "1"})


def test_a_nested_dispatch_needs_no_op() -> None:
    job = {"project": "p", "task": "t"}
    assert of_op("graph", "request").is_valid({"op": "graph", "jobs": [job]})
    assert of_op("schedule_add", "request").is_valid({"op": "schedule_add", "name": "n", "cron": "@daily", "job": job})
    assert not of_op("dispatch", "request").is_valid(job)


def test_no_hint_names_a_file_that_only_the_source_has() -> None:
    hints = [*REMEDIES.values(), *_strings(ROOT / "luziad"), *_strings(ROOT / "luzia_client")]
    assert [hint for hint in hints if re.search(r"\b(docs|protocol)/[\w-]+\.md", hint)] == []


def _strings(package: Path) -> Iterator[str]:
    """The texts in the code of a package, without docstrings."""
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                node.value.value = None  # a docstring, which the walk comes to later


def test_every_kind_of_frame_is_described() -> None:
    frames = json.loads(GENERATE.schemas()["replies.json"])["anyOf"]
    in_code = {getattr(replies, name) for name in dir(replies) if name.endswith("Frame")}
    assert {name for frame in frames for name in frame["required"]} == {
        field for struct in in_code for field in struct.__struct_fields__ if field != "id"
    }
