"""Checks the text of config.toml whole, and says every mistake in it in one sentence."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
import typing
from collections.abc import Iterable
from typing import Any

import msgspec

from luziad.agents.registry import BUILT_IN, READERS, RUN_ADAPTER
from luziad.agents.template import PLACEHOLDERS, find_placeholders
from luziad.config.rules import COMMAND, COUNT, JSONL, NAME, NAME_EXPECTED, VARIABLE, VARIABLES, Rule, found, is_text
from luziad.config.schema import AgentConfig, DaemonConfig, JsonlConfig, ProjectConfig
from luziad.config.toml_lines import Path, line_numbers
from luziad.config.toml_quote import dotted
from luziad.errors import ConfigError
from luziad.jobs.resources import MACHINE

COMMAND_KEYS = ("prompt", "env", "merge_stderr", "reader", "jsonl")
"""What says how the command of an agent is to be run, and nothing about a built-in agent."""

_LINE = re.compile(r"line (\d+)")


class Checked(typing.NamedTuple):
    """The tables of a file without mistakes."""

    daemon: DaemonConfig
    projects: dict[str, ProjectConfig]
    agents: dict[str, AgentConfig]
    resources: dict[str, int]


def parse(file: str, text: str) -> dict[str, Any]:
    """The data of a TOML text. Raises ConfigError with file and line of the first syntax error."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        words, _, place = str(exc).partition(" (at ")
        line = _LINE.match(place)
        number = line[1] if line else text.count("\n") + 1
        raise ConfigError([f"{file}:{number}: this is not TOML: {words} (at {place}."]) from exc
    except RecursionError as exc:
        raise ConfigError([f"{file}: this is nested too deeply."]) from exc


def check(file: str, text: str, more: Iterable[str] = ()) -> Checked:
    """Check a configuration.

    file: its name for messages. text: what is in it. more: mistakes made elsewhere, to be told together.
    Raises ConfigError with every mistake.
    """
    data = parse(file, text)
    checker = _Checker(data)
    checker.run()
    mistakes = checker.sentences(file, text) + list(more)
    if mistakes:
        raise ConfigError(mistakes)
    return Checked(
        daemon=msgspec.convert(data.get("daemon", {}), DaemonConfig),
        projects={n: msgspec.convert(_at_home(t, "path"), ProjectConfig) for n, t in data.get("projects", {}).items()},
        agents={n: msgspec.convert(_at_home(t, "command"), AgentConfig) for n, t in data.get("agents", {}).items()},
        resources=data.get("resources", {}),
    )


def _at_home(table: dict[str, Any], key: str) -> dict[str, Any]:
    """The table with a leading `~` expanded in a path, or in the first word of a command."""
    value = table.get(key)
    if value is None:
        return table
    if isinstance(value, str):
        return {**table, key: os.path.expanduser(value)}
    return {**table, key: [os.path.expanduser(value[0]), *value[1:]]}


class _Checker:
    """Walks the data once and collects mistakes with the path where each stands."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data
        self._mistakes: list[tuple[Path, str]] = []
        agents = data.get("agents")
        self._agents = list(dict.fromkeys([*BUILT_IN, *(agents if isinstance(agents, dict) else ())]))

    def run(self) -> None:
        """Check everything."""
        self._unknown((), self._data, ["daemon", "projects", "agents", "resources"], "table")
        self._table(("daemon",), DaemonConfig, self._data.get("daemon", {}))
        self._known_agent(("daemon", "default_agent"))
        for name, table in self._named("projects"):
            self._table(("projects", name), ProjectConfig, table)
            self._known_agent(("projects", name, "agent"))
        for name, table in self._named("agents"):
            self._table(("agents", name), AgentConfig, table)
            self._template(("agents", name), table)
            self._without_command(("agents", name), table)
        self._resources()

    def sentences(self, file: str, text: str) -> list[str]:
        """The mistakes with file, line and key, in the order of the file."""
        if not self._mistakes:
            return []
        lines = line_numbers(text)
        told = []
        for path, words in self._mistakes:
            line = next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), 1)
            told.append((line, f"{file}:{line}: {dotted(path)}: {words}."))
        return [sentence for _, sentence in sorted(told, key=lambda item: item[0])]

    def _say(self, path: Path, words: str) -> None:
        self._mistakes.append((path, words))

    def _unknown(self, path: Path, table: dict[str, Any], known: list[str], kind: str) -> None:
        for key in table:
            if key not in known:
                self._say((*path, key), f"there is no such {kind}, {_nearest(key, known)}")

    def _named(self, kind: str) -> list[tuple[str, Any]]:
        tables = self._data.get(kind, {})
        if not isinstance(tables, dict):
            self._say((kind,), f"found {found(tables)}, expected tables such as [{kind}.NAME]")
            return []
        for name in tables:
            if not NAME.fullmatch(name):
                self._say((kind, name), f"found this name, expected {NAME_EXPECTED}")
            elif kind == "agents" and name == RUN_ADAPTER.name:
                self._say((kind, name), "found the name that stands for `luzia run`, expected another one")
        return list(tables.items())

    def _table(self, path: Path, struct: type[msgspec.Struct], table: Any) -> None:
        if not isinstance(table, dict):
            self._say(path, f"found {found(table)}, expected a table")
            return
        hints = typing.get_type_hints(struct, include_extras=True)
        self._unknown(path, table, list(hints), "key")
        for field in msgspec.structs.fields(struct):
            (rule,) = typing.get_args(hints[field.name])[1:]
            if field.name in table:
                self._value((*path, field.name), table[field.name], rule)
            elif field.required:
                self._say((*path, field.name), f"it is missing, expected {rule.expected}")

    def _value(self, path: Path, value: Any, rule: Rule) -> None:
        if not rule.holds(value):
            self._say(path, f"found {found(value, secret=rule.secret)}, expected {rule.expected}")
        elif rule is VARIABLES:
            self._variables(path, value)

    def _variables(self, path: Path, env: dict[str, Any]) -> None:
        for name, value in env.items():
            if not VARIABLE.fullmatch(name):
                shown = name.partition("=")[0]
                expected = "letters, digits and underscores that do not begin with a digit"
                self._say((*path, shown), f"found this name of a variable, expected {expected}")
            elif not is_text(value):
                self._say((*path, name), f"found {found(value, secret=True)}, expected a string without NUL")

    def _known_agent(self, path: Path) -> None:
        name: Any = self._data
        for key in path:
            name = name.get(key) if isinstance(name, dict) else None
        if isinstance(name, str) and name not in self._agents:
            expected = f"expected a built-in or configured agent, {_nearest(name, self._agents)}"
            self._say(path, f"found {found(name)}, {expected}")

    def _resources(self) -> None:
        table = self._data.get("resources", {})
        if not isinstance(table, dict):
            self._say(("resources",), f"found {found(table)}, expected a table of names and how much of each there is")
            return
        for name, count in table.items():
            if name in MACHINE:
                self._say(("resources", name), f"found the name of what [daemon] has as {MACHINE[name]}")
            elif not NAME.fullmatch(name):
                self._say(("resources", name), f"found this name, expected {NAME_EXPECTED}")
            else:
                self._value(("resources", name), count, COUNT)

    def _without_command(self, path: Path, table: Any) -> None:
        if not isinstance(table, dict) or "command" in table:
            return
        if path[-1] not in BUILT_IN:
            self._say((*path, "command"), f"it is missing, expected {COMMAND.expected}")
            return
        for key in table:
            if key in COMMAND_KEYS:
                self._say((*path, key), "it goes with `command`, expected that as well, or only max_running")

    def _template(self, path: Path, table: Any) -> None:
        command: Any = table.get("command") if isinstance(table, dict) else None
        if not COMMAND.holds(command):
            return
        reader = table.get("reader")
        if isinstance(reader, str) and reader not in READERS:
            self._say((*path, "reader"), f"found {found(reader)}, expected one of {', '.join(READERS)}")
        self._mapping(path, reader, table.get("jsonl"))
        used = {name for word in command for name in find_placeholders(word)}
        for name in sorted(used.difference(PLACEHOLDERS)):
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            literal = f"{{{{{name}}}}} stands for the text {{{name}}}"
            self._say((*path, "command"), f"found the placeholder {{{name}}}, expected {known} ({literal})")
        if table.get("prompt", "argument") == "argument" and not used & {"task", "prompt_file"}:
            self._say(
                (*path, "command"),
                'found no place for the task, expected {task} or {prompt_file} in it (or prompt = "stdin")',
            )

    def _mapping(self, path: Path, reader: Any, table: Any) -> None:
        """The mapping of a reader of JSON lines: one is there when it is used, and it is used when it is there."""
        if table is None:
            if reader == "jsonl":
                self._say((*path, "jsonl"), f"it is missing, expected {JSONL.expected}")
        elif JSONL.holds(table):
            self._table((*path, "jsonl"), JsonlConfig, table)
            if reader != "jsonl":
                self._say((*path, "jsonl"), 'found this table, expected reader = "jsonl" beside it')


def _nearest(name: str, known: Iterable[str]) -> str:
    """What to say about the known names: the nearest one, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"the nearest known is {near[0]}" if near else f"known are {', '.join(names)}"
