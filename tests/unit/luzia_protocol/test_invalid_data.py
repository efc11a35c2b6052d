"""What is wrong with data is said in the words of JSON and TOML, not in those of the libraries that read them."""

from __future__ import annotations

import tomllib

import msgspec
import pytest

from luzia_protocol.invalid_data import describe_invalid_json, describe_invalid_toml, describe_invalid_value
from luzia_protocol.requests import Graph, Node, Request

VALUES = [
    ('{"op":"dispatch","project":3}', Node, "`project` must be a string, not an integer"),
    ('{"op":"dispatch","priority":"high"}', Node, "`priority` must be an integer, not a string"),
    ('{"op":"dispatch","timeout_s":"1h"}', Node, "`timeout_s` must be a number, not a string"),
    ('{"op":"dispatch","worktree":1}', Node, "`worktree` must be true or false, not an integer"),
    ('{"op":"dispatch","after":"a"}', Node, "`after` must be an array, not a string"),
    ('{"op":"dispatch","after":["a",null]}', Node, "`after[1]` must be a string, not null"),
    ('{"op":"dispatch","tags":{"a":1}}', Node, "a value in `tags` must be a string, not an integer"),
    ('{"op":"dispatch","tags":[]}', Node, "`tags` must be an object, not an array"),
    ('{"op":"dispatch","not_before":"soon"}', Node, "`not_before` must be a time such as 2026-11-24T09:00:00Z"),
    (
        '{"op":"dispatch","not_before":"2026-11-24T09:00:00"}',
        Node,
        "`not_before` must be a time with a time zone, such as 2026-11-24T09:00:00Z",
    ),
    ('{"op":"dispatch","retry_on":["boredom"]}', Node, "`retry_on[0]`: invalid value 'boredom'"),
    ('{"op":"dispatch"}', Node, "`project` is missing"),
    ('{"op":"graph","jobs":[{"project":"a"},{"task":"b"}]}', Graph, "`jobs[1].project` is missing"),
    ('{"op":"dance"}', Request, "`op`: invalid value 'dance'"),
    ("{}", Request, "`op` is missing"),
    ("[]", Request, "a request must be an object, not an array"),
]


@pytest.mark.parametrize(("text", "kind", "said"), VALUES)
def test_a_value_of_a_wrong_type_is_named_with_its_place(text: str, kind: type[msgspec.Struct], said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(text, type=kind)
    assert describe_invalid_value(str(caught.value), "a request") == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "invalid JSON: it is empty"),
        ('{"a": ', "invalid JSON: it ends in the middle of a value"),
        ("{a}", "invalid JSON at column 2: object keys must be strings"),
        ('{"ä": 1} x', "invalid JSON at column 11: trailing characters"),
        ('{\n "a": 1,\n}', "invalid JSON at line 3, column 1: trailing comma in object"),
    ],
)
def test_invalid_json_is_described_with_its_position(text: str, said: str) -> None:
    data = text.encode()
    with pytest.raises(msgspec.DecodeError) as caught:
        msgspec.json.decode(data)
    assert describe_invalid_json(str(caught.value), data) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = ", "invalid TOML at the end of the file: invalid value"),
        ("a = 1\na = 2", "invalid TOML at the end of the file: cannot overwrite a value"),
        ("\n[a", "invalid TOML at the end of the file: expected ']' at the end of a table declaration"),
        ("x = = 3\n", "invalid TOML at line 1, column 5: invalid value"),
    ],
)
def test_invalid_toml_is_described_with_its_position(text: str, said: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    assert describe_invalid_toml(str(caught.value)) == said
