"""Checks the whole text of config.toml, and describes every mistake in one sentence."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
import typing
from collections.abc import Iterable
from functools import reduce
from typing import Any

import msgspec

from luzia_protocol.invalid_data import divide_toml_error

from luziad.agents import registry
from luziad.agents.expressions import ExpressionError
from luziad.agents.jsonl_fields import parse_field
from luziad.agents.options import Choice, find_unsupported
from luziad.agents.registry import BUILT_IN, PREFERENCE, READERS, RUN_ADAPTER
from luziad.agents.template import ARGS, OPTIONAL, PLACEHOLDERS, Template, find_placeholders, list_words
from luziad.config import rules, shipped_agents
from luziad.config.rules import NAME, NAME_EXPECTED, Rule, describe_value, is_text
from luziad.config.schema import (
    AgentConfig,
    CliConfig,
    DaemonConfig,
    ElsewhereConfig,
    ExecutorConfig,
    JsonlConfig,
    PriceConfig,
    ProjectConfig,
    WorktreeConfig,
)
from luziad.config.toml_text import Path, find_lines, format_key
from luziad.errors import ConfigError
from luziad.jobs.requirements import LOCAL
from luziad.jobs.resources import MACHINE

COMMAND_KEYS = (
    "resume_command", "attach", "prompt", "env", "merge_stderr", "reader", "jsonl", "version_option", "install_hint"
)  # fmt: skip
"""Keys that apply to a command only, not to a built-in agent without one."""

TABLES = ("daemon", "cli", "projects", "agents", "resources", "executors", "prices")
OF_OTHERS = ("notify", "aliases", "hosts")
"""Tables that other programs read and check: a mistake there does not stop the daemon."""

_LINE = re.compile(r"line (\d+)")


class CheckedConfig(typing.NamedTuple):
    """The tables of a file without mistakes."""

    daemon: DaemonConfig
    projects: dict[str, ProjectConfig]
    agents: dict[str, AgentConfig]
    resources: dict[str, int]
    cli: CliConfig
    prices: dict[str, PriceConfig]
    executors: dict[str, ExecutorConfig]


def parse_toml(file: str, text: str) -> dict[str, Any]:
    """Parse a TOML text. Raises ConfigError with the file and line of the first syntax error."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        words, place = divide_toml_error(str(exc))
        line = _LINE.match(place)
        number = line[1] if line else text.count("\n") + 1
        raise ConfigError([f"{file}:{number}: invalid TOML: {words} (at {place})."]) from exc
    except RecursionError as exc:
        raise ConfigError([f"{file}: invalid TOML: nested too deeply."]) from exc


def check_config(file: str, text: str, more: Iterable[str] = ()) -> CheckedConfig:
    """Check a configuration.

    file: its name for messages. text: its content. more: other mistakes, to be reported together.
    Raises ConfigError with every mistake.
    """
    data = parse_toml(file, text)
    checker = _Checker(data)
    checker.run()
    mistakes = checker.describe_mistakes(file, text) + list(more)
    if mistakes:
        raise ConfigError(mistakes)
    tables = shipped_agents.complete_tables(data.get("agents", {}))
    config = CheckedConfig(
        daemon=msgspec.convert(data.get("daemon", {}), DaemonConfig),
        projects={
            n: msgspec.convert(_expand_home(t, "path"), ProjectConfig)
            for n, t in data.get("projects", {}).items()
            if "host" not in t  # the commands dispatch those to their host
        },
        agents={
            n: msgspec.convert(reduce(_expand_home, ("command", "resume_command", "attach"), t), AgentConfig)
            for n, t in tables.items()
        },
        resources=data.get("resources", {}),
        cli=msgspec.convert(data.get("cli", {}), CliConfig),
        prices=msgspec.convert(data.get("prices", {}), dict[str, PriceConfig]),
        executors=msgspec.convert(data.get("executors", {}), dict[str, ExecutorConfig]),
    )
    checker.check_agent_options(config)
    if mistakes := checker.describe_mistakes(file, text):
        raise ConfigError(mistakes)
    return config


def _expand_home(table: dict[str, Any], key: str) -> dict[str, Any]:
    """The table with a leading `~` expanded in a path, or in the first argument of a command."""
    value = table.get(key)
    if value is None:
        return table
    if isinstance(value, str):
        return {**table, key: os.path.expanduser(value)}
    return {**table, key: [os.path.expanduser(value[0]), *value[1:]]}


class _Checker:
    """Walks the data once and collects mistakes, each with its path."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data
        self._mistakes: list[tuple[Path, str]] = []
        agents = data.get("agents")
        self._agents = list(
            dict.fromkeys([*BUILT_IN, *shipped_agents.NAMES, *(agents if isinstance(agents, dict) else ())])
        )

    def run(self) -> None:
        """Check everything."""
        self._check_tables([*TABLES, *OF_OTHERS])
        self._check_table(("daemon",), DaemonConfig, self._data.get("daemon", {}))
        self._check_agent(("daemon", "default_agent"))
        self._check_table(("cli",), CliConfig, self._data.get("cli", {}))
        for name, table in self._check_names("projects"):
            if isinstance(table, dict) and "host" in table:
                self._check_table(("projects", name), ElsewhereConfig, table)
                continue
            self._check_table(("projects", name), ProjectConfig, table)
            self._check_agent(("projects", name, "agent"))
            self._check_executor(("projects", name, "executor"), table)
        for name, table in self._check_names("agents"):
            self._check_table(("agents", name), AgentConfig, table)
            self._check_template(("agents", name), table)
            self._check_without_command(("agents", name), table)
        for name, table in self._check_names("executors"):
            self._check_table(("executors", name), ExecutorConfig, table)
        self._check_resources()
        self._check_prices()

    def check_agent_options(self, config: CheckedConfig) -> None:
        """Check that the agents support the options that are set for them."""
        adapters = registry.build(config.agents)
        chosen: list[tuple[Path, str | None, Choice]] = [
            *((("agents", name), name, table) for name, table in config.agents.items()),
            *(
                (("projects", name), table.agent or config.daemon.default_agent, table)
                for name, table in config.projects.items()
            ),
        ]
        for path, agent, choice in chosen:
            for key, words in find_unsupported(choice, adapters[agent]).items() if agent is not None else ():
                self._report((*path, key), words)

    def describe_mistakes(self, file: str, text: str) -> list[str]:
        """The mistakes with their file, line and key, in the order of the file."""
        if not self._mistakes:
            return []
        lines = find_lines(text)
        described = []
        for path, words in self._mistakes:
            line = next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), 1)
            described.append((line, f"{file}:{line}: {format_key(path)}: {words}."))
        return [sentence for _, sentence in sorted(described, key=lambda item: item[0])]

    def _report(self, path: Path, words: str) -> None:
        self._mistakes.append((path, words))

    def _check_keys(self, path: Path, table: dict[str, Any], known: list[str]) -> None:
        for key in table:
            if key not in known:
                self._report((*path, key), f"unknown key ({_suggest(key, known)})")

    def _check_tables(self, known: list[str]) -> None:
        for key, value in self._data.items():
            if key in known:
                continue
            if isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict)):
                self._report((key,), f"unknown table ({_suggest(key, known)})")
            else:
                self._report((key,), f"unknown key (each key belongs to a table: {', '.join(known)})")

    def _check_names(self, kind: str) -> list[tuple[str, Any]]:
        tables = self._data.get(kind, {})
        if not isinstance(tables, dict):
            self._report((kind,), f"found {describe_value(tables)}, expected tables such as [{kind}.NAME]")
            return []
        for name in tables:
            if not NAME.fullmatch(name):
                self._report((kind, name), f"invalid name, expected {NAME_EXPECTED}")
            elif kind == "agents" and name == RUN_ADAPTER.name:
                self._report((kind, name), "this name is reserved for `luzia run`, choose another one")
            elif kind == "executors" and name == LOCAL:
                self._report((kind, name), "this name is reserved for this machine, choose another one")
        return list(tables.items())

    def _check_table(self, path: Path, struct: type[msgspec.Struct], table: Any) -> None:
        if not isinstance(table, dict):
            self._report(path, f"found {describe_value(table)}, expected a table")
            return
        hints = typing.get_type_hints(struct, include_extras=True)
        self._check_keys(path, table, list(hints))
        for field in msgspec.structs.fields(struct):
            (rule,) = typing.get_args(hints[field.name])[1:]
            if field.name in table:
                self._check_value((*path, field.name), table[field.name], rule)
            elif field.required:
                self._report((*path, field.name), f"missing, expected {rule.expected}")

    def _check_value(self, path: Path, value: Any, rule: Rule) -> None:
        if not rule.accepts(value):
            self._report(path, f"found {describe_value(value, secret=rule.secret)}, expected {rule.expected}")
        elif rule is rules.VARIABLES:
            self._check_variables(path, value)
        elif rule is rules.WORKTREE and isinstance(value, dict):
            self._check_table(path, WorktreeConfig, value)
        elif rule in (rules.FIELD, rules.TYPE):
            self._check_expressions(path, [value] if isinstance(value, str) else value, rule)

    def _check_expressions(self, path: Path, texts: list[str], rule: Rule) -> None:
        for text in texts:
            try:
                if parse_field(text).type is not None and rule is rules.TYPE:
                    self._report(path, f"found a field of one type of line, expected {rule.expected}")
            except ExpressionError as exc:
                self._report(path, str(exc))

    def _check_variables(self, path: Path, env: dict[str, Any]) -> None:
        for name, value in env.items():
            if not rules.VARIABLE.fullmatch(name):
                shown = name.partition("=")[0]
                expected = "letters, digits and underscores, not beginning with a digit"
                self._report((*path, shown), f"invalid name of a variable, expected {expected}")
            elif not is_text(value):
                self._report(
                    (*path, name), f"found {describe_value(value, secret=True)}, expected a string without NUL"
                )

    def _check_agent(self, path: Path) -> None:
        name: Any = self._data
        for key in path:
            name = name.get(key) if isinstance(name, dict) else None
        if isinstance(name, str) and name not in self._agents:
            self._report(path, f"unknown agent {describe_value(name)} ({_suggest(name, self._agents)})")

    def _check_executor(self, path: Path, table: Any) -> None:
        name = table.get("executor") if isinstance(table, dict) else None
        executors = self._data.get("executors")
        known = [LOCAL, *(executors if isinstance(executors, dict) else ())]
        if isinstance(name, str) and name not in known:
            self._report(path, f"unknown executor {describe_value(name)} ({_suggest(name, known)})")

    def _check_resources(self) -> None:
        table = self._data.get("resources", {})
        if not isinstance(table, dict):
            self._report(
                ("resources",),
                f"found {describe_value(table)}, expected a table with the number of units of each resource",
            )
            return
        for name, count in table.items():
            if name in MACHINE:
                self._report(("resources", name), f"this name is reserved, set daemon.{MACHINE[name]} instead")
            elif not NAME.fullmatch(name):
                self._report(("resources", name), f"invalid name, expected {NAME_EXPECTED}")
            else:
                self._check_value(("resources", name), count, rules.COUNT)

    def _check_prices(self) -> None:
        tables = self._data.get("prices", {})
        if not isinstance(tables, dict):
            self._report(("prices",), f'found {describe_value(tables)}, expected tables such as [prices."gpt-5.4"]')
            return
        for model, table in tables.items():
            self._check_table(("prices", model), PriceConfig, table)

    def _check_without_command(self, path: Path, table: Any) -> None:
        if not isinstance(table, dict) or "command" in table:
            return
        if path[-1] not in (*BUILT_IN, *shipped_agents.NAMES):
            self._report((*path, "command"), f"missing, expected {rules.COMMAND.expected}")
            return
        for key in table:
            if key in COMMAND_KEYS:
                self._report(
                    (*path, key),
                    "requires `command`; without it only model, permission_mode, args, max_running and mcp can be set",
                )

    def _check_template(self, path: Path, table: Any) -> None:
        command: Any = table.get("command") if isinstance(table, dict) else None
        if not rules.COMMAND.accepts(command):
            return
        reader = table.get("reader")
        readers = (*READERS, *shipped_agents.NAMES)
        if isinstance(reader, str) and reader not in readers:
            self._report((*path, "reader"), f"found {describe_value(reader)}, expected one of {', '.join(readers)}")
        self._check_mapping(path, reader, table.get("jsonl"))
        resume_command = table.get("resume_command")
        sessions = [(*path, "command")] if "session" in self._check_placeholders((*path, "command"), command) else []
        if rules.COMMAND.accepts(resume_command):
            place = (*path, "resume_command")
            if sessions:
                self._report(sessions[0], "{session} is replaced in resume_command only, if there is one")
            if "session" not in self._check_placeholders(place, resume_command):
                self._report(place, "no placeholder for the session, add {session}")
            sessions = [place]
        if rules.COMMAND.accepts(attach := table.get("attach")):
            self._check_attach((*path, "attach"), attach, can_resume=bool(sessions))
        if sessions and not _tells_session(path[-1], table):
            told = "set `reader`, or map `session` in the table jsonl"
            self._report(sessions[0], f"{{session}} requires output that tells the session: {told}")

    def _check_attach(self, path: Path, template: Template, *, can_resume: bool) -> None:
        """Check the command that opens a session in a terminal: it gets no task, and has a session to open."""
        used = self._check_placeholders(path, template, takes_task=False)
        if "session" not in used:
            self._report(path, "no placeholder for the session, add {session}")
        if used & {"task", "prompt_file"}:
            self._report(path, "{task} and {prompt_file} have no value here")
        if not can_resume:
            self._report(path, "requires {session} in command or resume_command")

    def _check_placeholders(self, path: Path, template: Template, *, takes_task: bool = True) -> set[str]:
        """Check the placeholders of a command, and return their names. takes_task: it may need one for the task."""
        words = list_words([part for part in template if part != ARGS])
        used = {name for word in words for name in find_placeholders(word)}
        for name in sorted(used.difference(PLACEHOLDERS)):
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            literal = f"write {{{{{name}}}}} for the text {{{name}}}"
            if name == ARGS[1:-1]:
                self._report(path, f"{ARGS} must be a word of its own, outside of a group")
            else:
                self._report(path, f"unknown placeholder {{{name}}}, expected {known} or {ARGS} ({literal})")
        if set(find_placeholders(next(list_words(template)))) & {*OPTIONAL, "args"}:
            self._report(path, "the first word must not depend on a placeholder that can be without a value")
        table = self._data["agents"][path[1]]
        by_argument = takes_task and table.get("prompt", "argument") == "argument"
        if by_argument and not used & {"task", "prompt_file"}:
            self._report(path, 'no placeholder for the task, add {task} or {prompt_file}, or set prompt = "stdin"')
        return used

    def _check_mapping(self, path: Path, reader: Any, table: Any) -> None:
        """Check that there is a mapping if the reader is `jsonl`, and none otherwise."""
        if table is None:
            if reader == "jsonl":
                self._report((*path, "jsonl"), f"missing, expected {rules.JSONL.expected}")
        elif rules.JSONL.accepts(table):
            self._check_table((*path, "jsonl"), JsonlConfig, table)
            if reader != "jsonl":
                self._report((*path, "jsonl"), 'requires reader = "jsonl"')


def _tells_session(name: str, table: dict[str, Any]) -> bool:
    """Whether the output of a configured agent, as it is read, tells the session."""
    jsonl = table.get("jsonl")
    if isinstance(jsonl, dict):
        return "session" in jsonl
    return table.get("reader", name) in (*PREFERENCE, *shipped_agents.NAMES)


def _suggest(name: str, known: Iterable[str]) -> str:
    """The nearest known name, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
