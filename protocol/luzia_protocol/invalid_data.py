"""Says what is wrong with JSON, TOML, or the types of their values, instead of the libraries that read them. Pure."""

from __future__ import annotations

import re

import msgspec

_TYPES = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
    "array": "an array",
    "object": "an object",
    "datetime": "a time such as 2026-11-24T09:00:00Z",
}
"""What msgspec calls a type -> what a user calls it."""

_EXPECTED = re.compile(r"Expected `(?P<types>[^`]+)`(?:, got `(?P<got>[^`]+)`)?(?P<more>.*)")
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>[^`]+)`")
_VALUE = re.compile(r"Invalid (?:enum )?value (?P<value>.+)", re.DOTALL)
_BYTE = re.compile(r" \(byte (?P<byte>\d+)\)$")


def describe_invalid_request(exc: Exception, data: bytes) -> str:
    """What is wrong with data that is no request. exc: what msgspec has raised for it."""
    match exc:
        case msgspec.ValidationError():
            return describe_invalid_value(str(exc), "a request")
        case msgspec.DecodeError():
            return describe_invalid_json(str(exc), data)
        case UnicodeDecodeError():
            return "the request is not valid UTF-8"
        case _:
            return "the request is nested too deeply"


def describe_invalid_value(message: str, whole: str = "it") -> str:
    """What a ValidationError of msgspec means. whole: what a value without a place is called."""
    text, _, path = message.rpartition(" - at `$")
    if not text:
        text, path = message, ""
    place, inside = _describe_place(path.removesuffix("`"))
    if match := _MISSING.fullmatch(text):
        return f"`{_join(place, match['field'])}` is missing"
    if match := _UNKNOWN.fullmatch(text):
        return f"unknown field `{_join(place, match['field'])}`"
    if match := _EXPECTED.fullmatch(text):
        types = [_TYPES.get(name, name) for name in match["types"].split(" | ") if name != "null"]
        expected = " or ".join(types) or "null"
        if "timezone" in match["more"]:
            expected = "a time with a time zone, such as 2026-11-24T09:00:00Z"
        elif match["more"].strip():
            expected += match["more"]
        got = f", not {_TYPES.get(match['got'], match['got'])}" if match["got"] else ""
        subject = f"{inside}`{place}`" if place else whole
        return f"{subject} must be {expected}{got}"
    if "datetime" in text:
        return f"{inside}`{place}` must be {_TYPES['datetime']}"
    if (match := _VALUE.fullmatch(text)) and place:
        return f"{inside}`{place}`: invalid value {match['value']}"
    words = text[:1].lower() + text[1:]
    return f"{inside}`{place}`: {words}" if place else words


def describe_invalid_json(message: str, data: bytes) -> str:
    """What a DecodeError of msgspec for these bytes means, with the position of the error."""
    if "truncated" in message:
        return "invalid JSON: it ends in the middle of a value" if data.strip() else "invalid JSON: it is empty"
    words = message.removeprefix("JSON is malformed: ")
    match = _BYTE.search(words)
    if match is None:
        return f"invalid JSON: {words}"
    before = data[: int(match["byte"])].decode(errors="replace")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    where = f"column {column}" if data.strip().count(b"\n") == 0 else f"line {line}, column {column}"
    return f"invalid JSON at {where}: {words[: match.start()]}"


def describe_invalid_toml(message: str) -> str:
    """What a TOMLDecodeError of the standard library means, with the position of the error."""
    words, place = divide_toml_error(message)
    return f"invalid TOML at {place}: {words}"


def divide_toml_error(message: str) -> tuple[str, str]:
    """What is wrong, and where: `line 1, column 5`, or `the end of the file`."""
    words, _, place = message.rpartition(" (at ")
    words = words[:1].lower() + words[1:]
    return words, "the end of the file" if place.startswith("end") else place.removesuffix(")")


def _describe_place(path: str) -> tuple[str, str]:
    """The field that a path leads to, and what precedes it when the value is inside of it.

    `.tags[...]` is a value inside of `tags`; `[0].task` is `[0].task`.
    """
    path = path.removeprefix(".")
    if path.endswith("[...]"):
        return path.removesuffix("[...]"), "a value in "
    return path.replace("[...]", ".*"), ""


def _join(place: str, field: str) -> str:
    return f"{place}.{field}" if place else field
