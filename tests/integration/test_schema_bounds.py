"""The bounds in the schemas are those that the daemon enforces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schemas import of_op, schema
from support import Connection, PrivateDaemon, dispatch, ended, private_daemon

LEAST = ("minimum", "exclusiveMinimum")
MOST = ("maximum", "exclusiveMaximum")


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        yield running


def bounded(definition: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The numbers of a request that have bounds."""
    for field, described in schema("requests")["$defs"][definition]["properties"].items():
        for alternative in described.get("anyOf", [described]):
            if any(bound in alternative for bound in (*LEAST, *MOST)):
                yield field, alternative


def outside(bounds: dict[str, Any]) -> list[int]:
    """The first whole numbers that are not allowed."""
    found = {"minimum": -1, "exclusiveMinimum": 0, "maximum": +1, "exclusiveMaximum": 0}
    return [bounds[name] + step for name, step in found.items() if name in bounds]


def inside(bounds: dict[str, Any]) -> list[int]:
    """The first whole numbers that are allowed."""
    found = {"minimum": 0, "exclusiveMinimum": +1, "maximum": 0, "exclusiveMaximum": -1}
    return [bounds[name] + step for name, step in found.items() if name in bounds]


@pytest.mark.parametrize(("field", "bounds"), list(bounded("Dispatch")), ids=lambda value: str(value)[:20])
def test_a_number_of_a_dispatch_is_refused_where_the_schema_refuses_it(
    wire: Connection, field: str, bounds: dict[str, Any]
) -> None:
    def request(value: int) -> dict[str, Any]:
        return {"op": "dispatch", "project": "overbits", "argv": ["true"], "hold": True, field: value}

    for value in outside(bounds):
        assert not of_op("dispatch", "request").is_valid(request(value))
        assert wire.error(**request(value))["code"] == "bad_request", value
    for value in inside(bounds):
        assert of_op("dispatch", "request").is_valid(request(value))
        answer = wire.ask(**request(value))
        assert answer.get("error", {}).get("code") != "bad_request", (value, answer)  # a machine may have less


def test_other_numbers_are_refused_where_the_schemas_refuse_them(wire: Connection) -> None:
    job = dispatch(wire)
    ended(wire, job)
    requests: dict[str, tuple[str, dict[str, Any]]] = {
        "List": ("list", {}),
        "Logs": ("logs", {"job": job}),
        "ScheduleShow": ("schedule_show", {"name": "nightly"}),
    }
    wire.ok(op="schedule_add", name="nightly", cron="@daily", job={"project": "overbits", "argv": ["true"]})
    for definition, (op, more) in requests.items():
        checked = list(bounded(definition))
        assert checked
        for field, bounds in checked:
            for value in outside(bounds):
                assert not of_op(op, "request").is_valid({"op": op, **more, field: value})
                assert wire.error(op=op, **more, **{field: value})["code"] == "bad_request"
            for value in inside(bounds):
                assert of_op(op, "request").is_valid({"op": op, **more, field: value})
                wire.ok(op=op, **more, **{field: value})


def test_sizes_are_refused_where_the_schemas_refuse_them(wire: Connection) -> None:
    too_many: list[dict[str, Any]] = [
        {"op": "graph", "jobs": []},
        {"op": "wait", "jobs": ["x"] * 10_001},
        {"op": "list", "search": "x" * 1001},
        {"op": "dispatch", "project": "overbits", "argv": ["true"], "backoff_s": []},
        {"op": "dispatch", "project": "overbits", "argv": ["true"], "tags": {f"t{n}": "" for n in range(17)}},
    ]
    for request in too_many:
        assert not of_op(request["op"], "request").is_valid(request)
        assert wire.error(**request)["code"] == "bad_request"
