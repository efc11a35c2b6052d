"""The checked-in JSON Schema is the one that the structs give."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest

from luzia_protocol import events, replies, requests

from unit.house.scripts import ROOT, load

GENERATE = load("protocol/generate.py")
NAMES = sorted(GENERATE.schemas())


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
        described = {tag["enum"][0] for tag in tagged}
        assert described == {struct.__struct_config__.tag for struct in get_args(union)}


def test_every_kind_of_frame_is_described() -> None:
    frames = json.loads(GENERATE.schemas()["replies.json"])["anyOf"]
    in_code = {getattr(replies, name) for name in dir(replies) if name.endswith("Frame")}
    assert {name for frame in frames for name in frame["required"]} == {
        field for struct in in_code for field in struct.__struct_fields__ if field != "id"
    }
