"""Generates the JSON Schema of config.toml, for editors and `luzia config`. Run by `make generate`.

The keys, their values and their defaults are those of luziad/config/schema.py; the descriptions are the rows of
docs/configuration.md.
"""

from __future__ import annotations

import json
import re
import typing
from pathlib import Path
from typing import Any

import msgspec

from luziad.config import rules, schema
from luziad.config.rules import Rule

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "luzia_client" / "cli" / "configuration" / "data" / "config.schema.json"
OF_THE_MACHINE = (schema.default_max_running, schema.machine_cpus, schema.machine_memory_bytes)
"""Defaults that are not the same everywhere."""

_ROW = re.compile(r"^\| `(\w+)` \|.*\| (.*) \| (.*) \|$", re.MULTILINE)
_NO_DEFAULT = re.compile(r"none|empty|required|not set|see ")
"""How the page begins a default that says nothing about what happens without the setting."""
_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")


def render_schema() -> str:
    """The content of config.schema.json."""
    page = (ROOT / "docs" / "configuration.md").read_text()
    agents = _table(schema.AgentConfig, page, "[agents.NAME]")
    agents["properties"]["jsonl"] |= _table(schema.JsonlConfig, page, "[agents.NAME.jsonl]")
    projects = _table(schema.ProjectConfig, page, "[projects.NAME]")
    elsewhere = {"description": "The host that has the project; its settings are there.", **rules.WORD.schema}
    projects["properties"]["host"] = elsewhere
    projects["anyOf"] = [{"required": projects.pop("required")}, {"required": ["host"]}]
    worktree = _table(schema.WorktreeConfig, page, "[projects.NAME.worktree]")
    projects["properties"]["worktree"] |= {
        key: value for key, value in worktree.items() if key != "type"
    }  # or a boolean
    names = {"propertyNames": {"pattern": f"^{rules.NAME.pattern}$"}}
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "config.toml of luzia",
        "type": "object",
        "properties": {
            "daemon": _table(schema.DaemonConfig, page, "[daemon]"),
            "cli": _table(schema.CliConfig, page, "[cli]"),
            "projects": {
                "description": "Projects by name.",
                "type": "object",
                "additionalProperties": projects,
                **names,
            },
            "agents": {
                "description": "Agents by name: commands, or settings of built-in agents.",
                "type": "object",
                "additionalProperties": agents,
                **names,
            },
            "resources": {
                "description": "The number of units of each resource that jobs can reserve.",
                "type": "object",
                "additionalProperties": rules.COUNT.schema,
                **names,
            },
            "executors": {
                "description": "Clusters that run jobs, by name.",
                "type": "object",
                "additionalProperties": _table(schema.ExecutorConfig, page, "[executors.NAME]"),
                **names,
            },
            "prices": {
                "description": "What tokens cost, by model.",
                "type": "object",
                "additionalProperties": _table(schema.PriceConfig, page, "[prices.MODEL]"),
            },
            "notify": {"description": "Settings of `luzia notify`.", "type": "object"},
            "hosts": {
                "description": "Other hosts by name, for `luzia --host`.",
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {
                        "destination": {"description": "Where the host is, as for ssh.", "type": "string"},
                        "luzia": {"description": "The program there, if it is not on the PATH.", "type": "string"},
                    },
                    "required": ["destination"],
                    "additionalProperties": False,
                },
            },
            "aliases": {
                "description": "Your own commands: a name and the command line that it stands for.",
                "type": "object",
                "additionalProperties": {"type": "string"},
            },
        },
        "additionalProperties": False,
    }
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def _table(struct: type[msgspec.Struct], page: str, heading: str) -> dict[str, Any]:
    section = page.split(f"\n## `{heading}`\n")[1].split("\n## ")[0]
    rows = {
        name: (_LINK.sub(r"\1", default), _LINK.sub(r"\1", meaning)) for name, default, meaning in _ROW.findall(section)
    }
    hints = typing.get_type_hints(struct, include_extras=True)
    properties = {}
    for field in msgspec.structs.fields(struct):
        (rule,) = typing.get_args(hints[field.name])[1:]
        assert isinstance(rule, Rule)
        words, description = rows[field.name]
        default = _default(field)
        if not default and not _NO_DEFAULT.match(words):
            description = f"{description} Default: {words}."
        properties[field.name] = {"description": description, **rule.schema, **default}
    required = [field.name for field in msgspec.structs.fields(struct) if field.required]
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _default(field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    value = field.default
    if field.default_factory is not msgspec.NODEFAULT and field.default_factory not in OF_THE_MACHINE:
        value = field.default_factory()
    return {} if value is None or value is msgspec.NODEFAULT else {"default": value}


if __name__ == "__main__":
    TARGET.write_text(render_schema())
