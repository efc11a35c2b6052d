"""Generates the pages of the reference from the code."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import re
import typing
from typing import Any

import msgspec

from luzia_protocol import events, replies, requests

import luzia_client
from luzia_client.cli import main
from luzia_client.cli.args.command_line import COMMANDS
from luzia_docs.site.docstrings import parse_docstring
from luzia_docs.site.tables import default_value, markdown_table, type_name
from luziad.config import schema

HELP_COLUMNS = "100"


def commands_page() -> str:
    """Every command with its help."""
    parts = [
        "# Commands",
        "The output of `luzia COMMAND --help`. All use the same [exit statuses](errors.md#exit-status-of-luzia).",
    ]
    groups: dict[str, list[str]] = {}
    for name, (_, _, group) in COMMANDS.items():
        groups.setdefault(group, []).append(name)
    for group, names in groups.items():
        parts.append(f"## {group}")
        for name in names:
            parts.append(f"### luzia {name}\n\n```text\n{_help(name)}\n```")
    return _page(parts)


def _help(command: str) -> str:
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = HELP_COLUMNS
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            main.run([command, "--help"])
    finally:
        if columns is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = columns
    return printed.getvalue().rstrip()


def settings_page() -> str:
    """Every setting of config.toml with its default and the permitted values."""
    parts = ["# Settings", "Every key of `config.toml`. See [Configuration](configuration.md) for how to use them."]
    tables: dict[str, type[msgspec.Struct]] = {
        "[daemon]": schema.DaemonConfig,
        "[cli]": schema.CliConfig,
        "[projects.NAME]": schema.ProjectConfig,
        "[projects.NAME.worktree]": schema.WorktreeConfig,
        "[agents.NAME]": schema.AgentConfig,
        "[agents.NAME.jsonl]": schema.JsonlConfig,
    }
    for title, struct in tables.items():
        parts.append(f"## {title}\n\n{_settings(struct)}")
    return _page(parts)


def _settings(struct: type[msgspec.Struct]) -> str:
    fields = msgspec.structs.fields(struct)
    text = parse_docstring(struct.__doc__, [field.name for field in fields])
    hints = typing.get_type_hints(struct, include_extras=True)
    rows = []
    for field in fields:
        (rule,) = typing.get_args(hints[field.name])[1:]
        rows.append((f"`{field.name}`", text.fields[field.name], rule.expected, default_value(field)))
    return markdown_table(("key", "meaning", "value", "default"), rows)


def messages_page() -> str:
    """Every request, reply, event and object of the protocol with its fields."""
    parts = [
        "# Messages",
        "Every message of [the protocol](protocol.md), which has an example of each. Every request can have an `id`.",
        "## Requests",
        *(_message(struct, f"`{struct.__struct_config__.tag}`") for struct in typing.get_args(requests.Request)),
        "## Replies",
        *(_message(struct) for struct in typing.get_args(replies.Ok)),
        "## Events",
        *(_message(struct, f"`{struct.__struct_config__.tag}`") for struct in typing.get_args(events.Event)),
        "## Objects",
        *(_message(struct) for struct in _objects()),
    ]
    return _page(parts)


def _message(struct: type[msgspec.Struct], title: str = "") -> str:
    is_request = struct.__struct_config__.tag_field == "op"
    fields = [field for field in msgspec.structs.fields(struct) if not (is_request and field.name == "id")]
    text = parse_docstring(struct.__doc__, [field.name for field in fields])
    hints = typing.get_type_hints(struct, include_extras=True)
    rows = [
        (f"`{field.encode_name}`", type_name(hints[field.name]), default_value(field), text.fields.get(field.name, ""))
        for field in fields
    ]
    parts = [f"### {title or struct.__name__}", text.description]
    if rows:
        parts.append(markdown_table(("field", "type", "default", "meaning"), rows))
    return "\n\n".join(parts)


def _objects() -> list[type[msgspec.Struct]]:
    """The structs that are nested in messages, in order of appearance."""
    top = [*typing.get_args(requests.Request), *typing.get_args(replies.Ok), *typing.get_args(events.Event)]
    found: dict[type[msgspec.Struct], None] = {}
    waiting = list(top)
    while waiting:
        struct = waiting.pop(0)
        for inner in _nested_structs(typing.get_type_hints(struct)):
            if inner not in found and inner not in top:
                found[inner] = None
                waiting.append(inner)
    return list(found)


def _nested_structs(hints: dict[str, Any]) -> list[type[msgspec.Struct]]:
    structs: list[type[msgspec.Struct]] = []
    rest = list(hints.values())
    while rest:
        hint = rest.pop(0)
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            structs.append(hint)
        rest += typing.get_args(hint)
    return structs


def python_page() -> str:
    """Every public name of luzia_client, with its docstring."""
    parts = ["# Python", inspect.cleandoc(luzia_client.__doc__ or "").partition("\n\n")[0]]
    for name in dir(luzia_client):
        value = getattr(luzia_client, name)
        if inspect.isclass(value):
            own = "   :inherited-members:\n" if name.endswith("Client") else ""
            options = f"   :members:\n   :undoc-members:\n{own}"
            parts.append(f"## {name}\n\n```{{eval-rst}}\n.. autoclass:: luzia_client.{name}\n{options}```")
    return _page(parts)


def _page(parts: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join(parts)) + "\n"


PAGES = {
    "reference-commands.md": commands_page,
    "reference-configuration.md": settings_page,
    "reference-protocol.md": messages_page,
    "reference-python.md": python_page,
}
"""File name -> the function that generates the page."""
