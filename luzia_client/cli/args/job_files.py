"""Parses files that describe jobs: a graph in TOML or JSON, a batch in JSON lines. Errors name their position."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from luzia_protocol.requests import Node

from luzia_client.api.requests import GraphJob
from luzia_client.cli.args.errors import UsageError, did_you_mean

_FIELDS = tuple(field.name for field in msgspec.structs.fields(Node) if field.name not in ("id", "client_env", "umask"))


def read_file(path: str) -> bytes:
    """The bytes of a file, or of stdin for `-`. Raises OSError with the file's name."""
    if path == "-":
        return sys.stdin.buffer.read()
    with open(os.path.expanduser(path), "rb") as file:
        return file.read()


def parse_graph(data: bytes, source: str) -> list[GraphJob]:
    """The jobs of a graph file: a table `jobs` by name, beside fields that apply to all of them. Raises UsageError."""
    table = _parse_table(data, source)
    jobs = table.pop("jobs", None)
    if not isinstance(jobs, dict) or not jobs:
        raise UsageError(f"{source}: no jobs", 'Describe each job in a table: [jobs.build] with task = "make".')
    _check_fields(table, f"{source}:")
    graph = []
    for name, job in jobs.items():
        where = f"{source}: jobs.{name}:"
        if not isinstance(job, dict):
            raise UsageError(f"{where} not a table", f"Write [jobs.{name}], and its fields below it.")
        _check_fields(job, where)
        graph.append(_check_job({**table, **job, "name": name}, where))
    return graph


def parse_batch(lines: Iterable[bytes], source: str) -> Iterable[tuple[int, GraphJob | UsageError]]:
    """The jobs of a batch file by line number, or the error of a line; blank lines are skipped."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{source}, line {number}:"
        try:
            job = msgspec.json.decode(line)
            if not isinstance(job, dict):
                raise UsageError(f"{where} not a JSON object", 'For example: {"project": "overbits", "task": "…"}.')
            _check_fields(job, where)
            yield number, _check_job(job, where)
        except msgspec.DecodeError as exc:
            yield number, UsageError(f"{where} invalid JSON: {exc}")
        except UsageError as exc:
            yield number, exc


def _parse_table(data: bytes, source: str) -> dict[str, Any]:
    import tomllib

    try:
        text = data.decode()
        table = json.loads(text) if text.lstrip()[:1] == "{" else tomllib.loads(text)
    except UnicodeDecodeError as exc:
        raise UsageError(f"{source} is not valid UTF-8 (byte {exc.start})", "Convert it to UTF-8.") from exc
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as exc:
        raise UsageError(
            f"{source}: {exc}", 'Write the graph in TOML or JSON, each job in a table: [jobs.build] with task = "make".'
        ) from exc
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
        raise UsageError(f"{where} {exc}") from exc
    return cast(GraphJob, job | {"not_before": node.not_before})  # JSON has it as text
