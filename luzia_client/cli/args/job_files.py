"""Parses files that describe jobs: a graph in TOML or JSON, a batch in JSON lines. Errors name their position."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

import msgspec

from luzia_protocol.graphs import NODE_NAME
from luzia_protocol.invalid_data import describe_invalid_json, describe_invalid_toml, describe_invalid_value
from luzia_protocol.requests import Node

from luzia_client.api.requests import GraphJob
from luzia_client.cli.args.errors import UsageError, did_you_mean

_FIELDS = tuple(
    field.name for field in msgspec.structs.fields(Node) if field.name not in ("id", "client_env", "umask", "key")
)
BATCH_HINT = 'Each line is an object: {"project": "overbits", "task": "make test"}.'
GRAPH_HINT = 'Write the graph in TOML or JSON, each job in a table: [jobs.build] with task = "make".'
NAME_HINT = "Use up to 64 letters, digits, '.', '_' and '-', beginning with a letter, a digit or '_'."


def read_file(path: str) -> bytes:
    """The bytes of a file, or of stdin for `-`. Raises OSError with the file's name."""
    if path == "-":
        return sys.stdin.buffer.read()
    with open(os.path.expanduser(path), "rb") as file:
        return file.read()


class JobEntry(NamedTuple):
    """A job of a file. where: its place, for messages. job: what to dispatch, or what is wrong with it."""

    where: str
    job: GraphJob | UsageError


def parse_graph(data: bytes, source: str) -> list[JobEntry]:
    """The jobs of a graph file: a table `jobs` by name, beside fields that apply to all of them. Raises UsageError."""
    table = _parse_table(data, source)
    jobs = table.pop("jobs", None)
    if not isinstance(jobs, dict) or not jobs:
        raise UsageError(f"{source}: no jobs", 'Describe each job in a table: [jobs.build] with task = "make".')
    _check_fields(table, f"{source}:")
    return [_parse_entry(f"{source}: jobs.{name}:", table, job, name) for name, job in jobs.items()]


def _parse_entry(where: str, common: dict[str, Any], job: object, name: str) -> JobEntry:
    try:
        if not isinstance(job, dict):
            raise UsageError(f"{where} not a table", f"Write [jobs.{name}], and its fields below it.")
        _check_fields(job, where)
        return JobEntry(where, _check_job({**common, **job, "name": name}, where))
    except UsageError as exc:
        return JobEntry(where, exc)


def parse_batch(lines: Iterable[bytes], source: str) -> Iterable[tuple[int, JobEntry]]:
    """The jobs of a batch file by line number; one without a name gets its number as one. Blank lines are skipped."""
    names: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{source}, line {number}:"
        try:
            job = _parse_object(line, where)
            _check_fields(job, where)
            checked = _check_job({**job, "name": job.get("name") or f"line-{number}"}, where)
            name = str(checked["name"])
            if (earlier := names.setdefault(name, number)) != number:
                raise UsageError(f"{where} duplicate name '{name}'", f"Line {earlier} has it already.")
            yield number, JobEntry(where, checked)
        except UsageError as exc:
            yield number, JobEntry(where, exc)


def _parse_object(line: bytes, where: str) -> dict[str, Any]:
    try:
        job = msgspec.json.decode(line)
    except msgspec.DecodeError as exc:
        raise UsageError(f"{where} {describe_invalid_json(str(exc), line)}", BATCH_HINT) from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"{where} not valid UTF-8", "Convert the file to UTF-8.") from exc
    except RecursionError as exc:
        raise UsageError(f"{where} nested too deeply", BATCH_HINT) from exc
    if not isinstance(job, dict):
        raise UsageError(f"{where} not a JSON object", BATCH_HINT)
    return job


def _parse_table(data: bytes, source: str) -> dict[str, Any]:
    import tomllib

    try:
        text = data.decode()
        table = msgspec.json.decode(data) if text.lstrip()[:1] == "{" else tomllib.loads(text)
    except UnicodeDecodeError as exc:
        raise UsageError(f"{source} is not valid UTF-8 (byte {exc.start})", "Convert it to UTF-8.") from exc
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"{source}: {describe_invalid_toml(str(exc))}", GRAPH_HINT) from exc
    except msgspec.DecodeError as exc:
        raise UsageError(f"{source}: {describe_invalid_json(str(exc), data)}", GRAPH_HINT) from exc
    except RecursionError as exc:
        raise UsageError(f"{source}: nested too deeply", GRAPH_HINT) from exc
    return dict(table)


def _check_fields(table: Mapping[str, object], where: str) -> None:
    for field in table:
        if field not in _FIELDS:
            hint = did_you_mean(field, _FIELDS).rstrip() or f"The fields are {', '.join(_FIELDS)}."
            raise UsageError(f"{where} unknown field '{field}'", hint)


def _check_job(job: dict[str, Any], where: str) -> GraphJob:
    """The job if its fields have the right types; the daemon checks their values."""
    if "project" not in job:
        raise UsageError(f"{where} no project", 'Add project = "overbits", or project = "." for this directory.')
    try:
        node = msgspec.convert(job, Node)
    except msgspec.ValidationError as exc:
        raise UsageError(f"{where} {describe_invalid_value(str(exc))}") from exc
    if not NODE_NAME.fullmatch(node.name):
        raise UsageError(f"{where} invalid name '{node.name[:80]}'", NAME_HINT)
    return cast(GraphJob, job | {"not_before": node.not_before})  # JSON has it as text
