"""The keys of config.toml, from its JSON Schema, which comes with the package."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable
from typing import Any

from luzia_client.cli.args.errors import UsageError, did_you_mean

Schema = dict[str, Any]
KeyPath = tuple[str, ...]

NO_DEFAULT = object()


def schema_text() -> str:
    """The schema, as editors read it."""
    with open(os.path.join(os.path.dirname(__file__), "data", "config.schema.json"), encoding="utf-8") as file:
        return file.read()


def parse_key(key: str) -> KeyPath:
    """The parts of a dotted key: `projects."my.site".agent`. Raises UsageError."""
    try:
        found: Any = tomllib.loads(f"{key} = 0") if "\n" not in key else 0
    except tomllib.TOMLDecodeError:
        found = 0
    path: KeyPath = ()
    while isinstance(found, dict) and len(found) == 1:
        ((part, found),) = found.items()
        path = (*path, part)
    if not path or found != 0:
        raise UsageError(f"invalid key '{key}'", 'Write a key such as daemon.max_running or projects."my.site".agent.')
    return path


def find_key(path: KeyPath, key: str) -> Schema:
    """What the schema says about a key, or a table. key: as it was typed. Raises UsageError for an unknown key."""
    node: Schema = json.loads(schema_text())
    for number, part in enumerate(path):
        known = node.get("properties", {})
        if part in known:
            node = known[part]
        elif isinstance(node.get("additionalProperties"), dict):
            node = node["additionalProperties"]
        elif node.get("additionalProperties", not known) is True:
            node = {}  # a table whose keys another program checks
        else:
            before = ".".join(path[:number])
            near = did_you_mean(part, known).replace("`", f"`{before}." if before else "`", 1)
            raise UsageError(f"unknown key '{key}'", near + "`luzia config schema` lists all keys.")
    return node


def default_of(node: Schema) -> Any:
    """The default of a key; NO_DEFAULT if it has none, or one that depends on the machine."""
    return node.get("default", NO_DEFAULT)


def takes_only_text(node: Schema) -> bool:
    """Whether every value of the key is a string."""
    choices: Iterable[Any] = node.get("enum", ())
    return node.get("type") == "string" or (bool(choices) and all(isinstance(each, str) for each in choices))
