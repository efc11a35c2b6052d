"""Which file of each agent has its MCP servers, and what luzia's entry in it is."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable
from typing import Any, NamedTuple

from luzia_client.cli.args.errors import UsageError
from luzia_client.mcp.setup.toml_tables import add_table, remove_tables, value_in

NAME = "luzia"
_CODEX = f"mcp_servers.{NAME}"


class Setup(NamedTuple):
    """path: of the file. change: the file's new text, from the old one and luzia's command; None removes the entry."""

    path: Callable[[], str]
    change: Callable[[str, list[str] | None], str]


def server_command() -> list[str]:
    """The command of luzia's MCP server, for agents that may have another PATH."""
    beside = os.path.join(os.path.dirname(sys.executable), "luzia")
    program = shutil.which("luzia") or (beside if os.access(beside, os.X_OK) else "luzia")
    return [program, "mcp"]


def _in_home(variable: str, default: str, name: str) -> Callable[[], str]:
    return lambda: os.path.join(os.environ.get(variable) or os.path.expanduser(default), name)


def _opencode_file() -> str:
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    paths = [os.path.join(base, "opencode", name) for name in ("opencode.json", "opencode.jsonc")]
    return next((path for path in paths if os.path.exists(path)), paths[0])


def _json_entry(*place: str, entry: Callable[[list[str]], dict[str, Any]]) -> Callable[[str, list[str] | None], str]:
    """Change the entry at a place in a JSON object."""

    def change(text: str, command: list[str] | None) -> str:
        try:
            whole = json.loads(text) if text.strip() else {}
        except json.JSONDecodeError as exc:
            raise ValueError(f"it is not plain JSON at line {exc.lineno}, column {exc.colno}") from exc
        objects = [whole]
        for key in place:
            objects.append(objects[-1].get(key, {}) if isinstance(objects[-1], dict) else None)
        if not isinstance(objects[-1], dict):
            raise ValueError(f"{'.'.join(place)} is not an object")
        wanted = None if command is None else entry(command)
        if objects[-1].get(NAME) == wanted:
            return text
        for parent, key, child in zip(objects, place, objects[1:], strict=False):
            parent[key] = child
        if wanted is not None:
            objects[-1][NAME] = wanted
            return _format(whole, text)
        del objects[-1][NAME]
        for parent, key in reversed([*zip(objects, place, strict=False)]):
            if not parent[key]:
                del parent[key]
        return _format(whole, text)

    return change


def _format(whole: object, like: str) -> str:
    """JSON that is written as another text is: with its indentation, escapes and last line."""
    indented = re.search(r"\n([ \t]+)\"", like)
    in_lines = indented is not None or "\n" in like.strip() or like.strip() in ("", "{}")
    text = json.dumps(
        whole,
        indent=(indented[1] if indented is not None else 2) if in_lines else None,
        separators=None if in_lines or ": " in like else (",", ":"),
        ensure_ascii=like.isascii() and "\\u" in like,
    )
    return text + (like[len(like.rstrip()) :] if like.strip() else "\n")


def _split(command: list[str]) -> dict[str, Any]:
    return {"command": command[0], "args": command[1:]}


def _codex(text: str, command: list[str] | None) -> str:
    kept = remove_tables(text, lambda name, _: name == _CODEX or name.startswith(f"{_CODEX}."))
    changed = kept if command is None else add_table(kept, f"[{_CODEX}]", _split(command))
    return _checked(changed)


def _vibe(text: str, command: list[str] | None) -> str:
    kept = remove_tables(text, lambda name, block: name == "mcp_servers" and value_in(block, "name") == NAME)
    entry = {"name": NAME, "transport": "stdio"}
    changed = kept if command is None else add_table(kept, "[[mcp_servers]]", {**entry, **_split(command)})
    return _checked(changed)


def _checked(text: str) -> str:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ValueError(f"it would not be valid TOML: {exc}") from exc
    return text


SETUPS = {
    "claude": Setup(
        _in_home("CLAUDE_CONFIG_DIR", "~", ".claude.json"),
        _json_entry("mcpServers", entry=lambda command: {"type": "stdio", **_split(command), "env": {}}),
    ),
    "codex": Setup(_in_home("CODEX_HOME", "~/.codex", "config.toml"), _codex),
    "opencode": Setup(
        _opencode_file,
        _json_entry("mcp", entry=lambda command: {"type": "local", "command": command, "enabled": True}),
    ),
    "gemini": Setup(lambda: os.path.expanduser("~/.gemini/settings.json"), _json_entry("mcpServers", entry=_split)),
    "vibe": Setup(_in_home("VIBE_HOME", "~/.vibe", "config.toml"), _vibe),
}


def changed_text(agent: str, command: list[str] | None) -> tuple[str, str, str]:
    """The path of an agent's file, its text, and the text that it would have. command: None removes the entry.

    Raises UsageError for a file that cannot be changed, and OSError for one that cannot be read.
    """
    path = SETUPS[agent].path()
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        text = ""
    except UnicodeDecodeError as exc:
        raise UsageError(f"cannot change {path}: it is not UTF-8", "Correct the file first.") from exc
    if command is None and not text:
        return path, text, text
    try:
        return path, text, SETUPS[agent].change(text, command)
    except ValueError as exc:
        fresh = SETUPS[agent].change("", server_command())
        raise UsageError(f"cannot change {path}: {exc}", f"Edit it by hand; the entry is: {fresh}") from exc
