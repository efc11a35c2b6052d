"""Reads files that describe jobs: a graph in TOML or JSON, a batch in JSON lines. Mistakes have their place."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, cast

import msgspec

from luzia_protocol.requests import Node

from luzia_client.api.requests import GraphJob
from luzia_client.cli.args.errors import UsageError

_FIELDS = tuple(field.name for field in msgspec.structs.fields(Node) if field.name not in ("id", "client_env"))


def read_file(path: str) -> bytes:
    """The bytes of a file, or of stdin for `-`. Raises OSError with the file's name."""
    if path == "-":
        return sys.stdin.buffer.read()
    with open(os.path.expanduser(path), "rb") as file:
        return file.read()


def parse_graph(data: bytes, source: str) -> list[GraphJob]:
    """The jobs of a graph file: a table `jobs` by name, and beside it fields that hold for all of them."""
    table = _table(data, source)
    jobs = table.pop("jobs", None)
    if not isinstance(jobs, dict) or not jobs:
        raise UsageError(f"{source}: no jobs", 'Describe each in a table: [jobs.build], with task = "make".')
    _check_fields(table, source, "for all jobs")
    found = []
    for name, job in jobs.items():
        if not isinstance(job, dict):
            raise UsageError(f"{source}: jobs.{name} is no table", f"Write [jobs.{name}] and its fields below.")
        _check_fields(job, source, f"in jobs.{name}")
        found.append(_job({**table, **job, "name": name}, f"{source}: jobs.{name}"))
    return found


def parse_batch(lines: Iterable[bytes], source: str) -> Iterable[tuple[int, GraphJob | UsageError]]:
    """The jobs of a batch file by their line's number, or what is wrong with the line; blank lines do not count."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{source}, line {number}"
        try:
            job = msgspec.json.decode(line)
            if not isinstance(job, dict):
                raise UsageError(f"{where}: no JSON object", 'Write for example {"project": "overbits", "task": "…"}.')
            _check_fields(job, where, "")
            yield number, _job(job, where)
        except msgspec.DecodeError as exc:
            yield number, UsageError(f"{where}: no JSON: {exc}")
        except UsageError as exc:
            yield number, exc


def _table(data: bytes, source: str) -> dict[str, Any]:
    import tomllib

    try:
        text = data.decode()
        found = json.loads(text) if text.lstrip()[:1] == "{" else tomllib.loads(text)
    except UnicodeDecodeError as exc:
        raise UsageError(f"{source} is not valid UTF-8 (byte {exc.start})", "Convert it to UTF-8.") from exc
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as exc:
        raise UsageError(f"{source}: {exc}", "A graph is written in TOML, or in JSON; see docs/graphs.md.") from exc
    return dict(found)


def _check_fields(table: Mapping[str, object], source: str, where: str) -> None:
    for field in table:
        if field not in _FIELDS:
            near = get_close_matches(field, _FIELDS, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"The fields are {', '.join(_FIELDS)}."
            raise UsageError(f"{source}: there is no field {field!r} {where}".rstrip(), hint)


def _job(job: dict[str, Any], where: str) -> GraphJob:
    """The job, if its fields have the right types; the daemon checks what they say."""
    if "project" not in job:
        raise UsageError(f"{where}: no project", 'Name one: project = "overbits", or project = "." for this directory.')
    try:
        node = msgspec.convert(job, Node)
    except msgspec.ValidationError as exc:
        raise UsageError(f"{where}: {exc}") from exc
    return cast(GraphJob, job | {"not_before": node.not_before})  # JSON has it as text
