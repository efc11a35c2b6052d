"""Validates what goes over a socket against the schemas of the protocol, each reply against that of its op."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

SCHEMAS = Path(__file__).resolve().parents[1] / "protocol" / "schema"


@cache
def schema(name: str) -> dict[str, Any]:
    """The content of a file beside the protocol page."""
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text())
    return found


@cache
def validator(name: str, definition: str = "") -> jsonschema_rs.Validator:
    """The validator of a file, or of one of its definitions."""
    whole = schema(name)
    if not definition:
        return jsonschema_rs.validator_for(whole)
    return jsonschema_rs.validator_for({"$ref": f"#/$defs/{definition}", "$defs": whole["$defs"]})


def of_op(op: str, part: str) -> jsonschema_rs.Validator:
    """The validator of the `request` or of the `reply` of an op."""
    file, _, definition = schema("operations")["operations"][op][part].partition("#/$defs/")
    return validator(file.removesuffix(".json"), definition)


def problem(checking: jsonschema_rs.Validator, value: object) -> str:
    """What is wrong with a value; empty if it is valid."""
    return "; ".join(f"{error.instance_path}: {error.message[:500]}" for error in checking.iter_errors(value))


class Traffic:
    """The traffic of one connection. A line that is not as its schema says raises AssertionError."""

    def __init__(self) -> None:
        self._unfinished = b""
        self._asked: list[dict[str, Any]] = []

    def sent(self, data: bytes) -> None:
        """Note the requests among the bytes that a test sends, which may be anything."""
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        for line in lines:
            try:
                request = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(request, dict) and request.get("op") in schema("operations")["operations"]:
                self._asked.append(request)

    def received(self, frame: dict[str, Any]) -> None:
        """Validate a line of the daemon, and the request that it accepts."""
        wrong = problem(validator("replies"), frame)
        assert not wrong, f"{json.dumps(frame)[:2000]} is no line of a daemon: {wrong}"
        asked = [request for request in self._asked if request.get("id") == frame.get("id")]
        if "ok" in frame and asked:
            answered = next((each for each in asked if of_op(each["op"], "reply").is_valid(frame["ok"])), None)
            assert answered is not None, f"{json.dumps(frame)[:2000]} answers none of {asked}"
            wrong = problem(of_op(answered["op"], "request"), answered)
            assert not wrong, f"the daemon has accepted {answered}, which is not valid: {wrong}"
            self._asked.remove(answered)
        elif "error" in frame and len(asked) == 1:
            self._asked.remove(asked[0])
