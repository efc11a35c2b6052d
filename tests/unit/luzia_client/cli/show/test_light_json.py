"""The light JSON reads and writes what the package json does."""

from __future__ import annotations

import json

import pytest

from luzia_client.cli.show.light_json import dump_object, format_object, load_object

OBJECTS: tuple[dict[str, object], ...] = (
    {},
    {"a": [1, 2.5, None, True, {"b": "é\n\x07\u2028"}], "": -0.0, "big": 10**30},
    {"emoji": "👍", "nested": {"x": {"y": []}}},
)


@pytest.mark.parametrize("value", OBJECTS)
def test_it_reads_and_writes_what_json_does(value: dict[str, object]) -> None:
    assert dump_object(value) == json.dumps(value, separators=(",", ":")).encode() + b"\n"
    assert format_object(value) == json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    assert load_object(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{", b'{"a":}', b'{"a" 1}', b"\xff", b'{"a":"\x01"}'])
def test_what_is_not_an_object_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        load_object(data)
