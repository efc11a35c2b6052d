"""A new config.toml, with the most used settings as comments."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence

import tomlkit

from luzia_client.cli.configuration.schema import schema_text

WIDTH = 76
HEAD = """\
# The configuration of luzia. `luzia config edit` checks it before it is saved,
# `luzia config set` changes a value, `luzia config schema` lists all settings.
# A line that begins with # has no effect.
"""
SUGGESTED = {
    "daemon": {"default_agent": '"claude"', "max_running": "4", "timeout_s": "3600", "max_cost_usd_per_day": "20"},
    "cli": {"confirm": '"line"', "pager": "true"},
}
"""Settings that are shown in each table, with a value."""
ALIASES = """\
# Your own commands:
[aliases]
# mine = "jobs --state running,waiting"
"""


def commented(agent: str | None = None, projects: Sequence[tuple[str, str]] = (), worktree: bool = False) -> str:
    """The text of the file. agent: the default one. projects: names and directories. worktree: of all projects."""
    tables = json.loads(schema_text())["properties"]
    lines = [HEAD]
    for name, suggested in SUGGESTED.items():
        lines.append(f"[{name}]")
        for key, value in suggested.items():
            lines += _comment(tables[name]["properties"][key]["description"])
            chosen = agent if key == "default_agent" else None
            lines.append(f"# {key} = {value}" if chosen is None else f"{key} = {tomlkit.item(chosen).as_string()}")
        lines.append("")
    described = tables["projects"]["additionalProperties"]["properties"]
    if not projects:
        lines += ["# A project: a name for a directory, and its settings.", "# [projects.overbits]"]
        lines += ['# path = "~/src/overbits"', ""]
    for number, (name, path) in enumerate(projects):
        lines += [f"[projects.{tomlkit.key(name).as_string()}]", f"path = {tomlkit.item(path).as_string()}"]
        lines += _comment(described["worktree"]["description"]) if worktree and number == 0 else []
        lines += ["worktree = true", ""] if worktree else [""]
    return "\n".join([*lines, ALIASES])


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text.replace("`", ""), WIDTH - 2)]
