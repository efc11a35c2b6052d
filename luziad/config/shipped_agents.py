"""The agents that luzia ships as configuration: shipped/NAME.toml has the tables of one, as config.toml would.

They are not checked when they are loaded; tests check them as the user's file is checked.
"""

from __future__ import annotations

import os
import tomllib
from functools import cache
from typing import Any

_DIRECTORY = os.path.join(os.path.dirname(__file__), "shipped")

NAMES = ("copilot", "qwen", "pi")


@cache
def load_shipped() -> dict[str, dict[str, Any]]:
    """The table of each shipped agent by its name."""
    return {name: _load(name) for name in NAMES}


def complete_tables(tables: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The tables of all agents: a user's table for a shipped one adds to it, unless it has a command of its own.

    An agent with `reader` of a shipped one gets its mapping.
    """
    shipped = load_shipped()
    return shipped | {name: _complete(table, shipped.get(name, {}), shipped) for name, table in tables.items()}


def is_shipped(name: str, command: Any) -> bool:
    """Whether an agent with this command is one that luzia ships."""
    return name in NAMES and load_shipped()[name]["command"] == command


def _load(name: str) -> dict[str, Any]:
    with open(os.path.join(_DIRECTORY, f"{name}.toml"), "rb") as file:
        table: dict[str, Any] = tomllib.load(file)["agents"][name]
    return table


def _complete(table: dict[str, Any], own: dict[str, Any], shipped: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if "command" not in table:
        return own | table
    like = shipped.get(table.get("reader", ""))
    return table if like is None else {**table, "jsonl": like["jsonl"]}
