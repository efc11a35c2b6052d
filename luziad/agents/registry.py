"""The table of agents, built-in and configured, and the choice of an agent for a job. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from luzia_protocol.errors import ErrorCode, Refused

from luziad.agents import claude, codex, gemini, opencode, shell, template, vibe
from luziad.agents.base import Adapter
from luziad.agents.jsonl_output import JsonlOutput

PREFERENCE = ("claude", "codex", "opencode", "vibe", "gemini")
"""The agents from which the default is chosen, in order of preference."""

BUILT_IN: dict[str, Adapter] = {
    "claude": claude.ADAPTER,
    "codex": codex.ADAPTER,
    "opencode": opencode.ADAPTER,
    "vibe": vibe.ADAPTER,
    "gemini": gemini.ADAPTER,
    "shell": shell.ADAPTER,
}

READERS = (*PREFERENCE, "jsonl", "none")
"""The values of `reader` for a configured agent: a built-in agent, `jsonl` for a mapping, or `none`."""

RUN_ADAPTER = shell.RUN_ADAPTER
"""The adapter of `luzia run`. It is not in the table, because it cannot be selected by name."""


class ConfiguredAgent(Protocol):
    """The configuration of an agent: see AgentConfig in config/schema.py."""

    @property
    def command(self) -> template.Template | None: ...
    @property
    def resume_command(self) -> template.Template | None: ...
    @property
    def attach(self) -> template.Template | None: ...
    @property
    def prompt(self) -> str: ...
    @property
    def env(self) -> dict[str, str]: ...
    @property
    def merge_stderr(self) -> bool: ...
    @property
    def reader(self) -> str | None: ...
    @property
    def jsonl(self) -> msgspec.Struct | None: ...
    @property
    def version_option(self) -> bool: ...
    @property
    def install_hint(self) -> str: ...


def build(config_agents: Mapping[str, ConfiguredAgent]) -> dict[str, Adapter]:
    """Every agent by name: the built-in ones in their order, then the configured ones.

    A configured agent with a command replaces a built-in one of the same name.
    """
    adapters = dict(BUILT_IN)
    for name, config in config_agents.items():
        if config.command is not None:
            adapters[name] = _configured(name, config.command, config)
    return adapters


def _configured(name: str, command: template.Template, config: ConfiguredAgent) -> Adapter:
    like = BUILT_IN.get(config.reader or name) or BUILT_IN["shell"]
    output = None
    if config.jsonl is not None:
        known_as = name if config.reader in (None, "jsonl") else config.reader
        output = JsonlOutput(known_as, msgspec.structs.asdict(config.jsonl))
    adapter = template.build_adapter(
        name,
        command,
        config.resume_command,
        config.attach,
        stdin_prompt=config.prompt == "stdin",
        env=config.env,
        merge_stderr=config.merge_stderr,
        reader=output.reader if output else like.reader,
        like=like.program,
        version_option=config.version_option,
        install_hint=config.install_hint,
    )
    return msgspec.structs.replace(adapter, transcript=output.entries if output else like.transcript)


def find(name: str, adapters: Mapping[str, Adapter]) -> Adapter | None:
    """The adapter of a job by its `agent`, also for `luzia run`; None when it is no longer configured."""
    return RUN_ADAPTER if name == RUN_ADAPTER.name else adapters.get(name)


def get(name: str, adapters: Mapping[str, Adapter]) -> Adapter:
    """The adapter with this name. Raises Refused with UNKNOWN_AGENT, which suggests the nearest one."""
    adapter = adapters.get(name)
    if adapter is None:
        raise Refused(ErrorCode.UNKNOWN_AGENT, f"unknown agent '{name}'", _suggest(name, adapters))
    return adapter


def choose(
    requested: str | None,
    project_agent: str | None,
    default_agent: str | None,
    adapters: Mapping[str, Adapter],
    find_program: Callable[[Adapter], str | None],
) -> Adapter:
    """The agent of a new job: the requested one, the project's, the default, or the first that is installed.

    find_program: the path of an agent's program, or None when there is none; asked for agents that have one.
    Raises Refused with UNKNOWN_AGENT, AGENT_NOT_INSTALLED or NO_AGENT.
    """
    name = requested or project_agent or default_agent
    if name is None:
        return _first_installed(adapters, find_program)
    adapter = get(name, adapters)
    if adapter.program is not None and find_program(adapter) is None:
        message = f"agent '{name}' is not installed: {adapter.program} was not found, or is not executable"
        raise Refused(ErrorCode.AGENT_NOT_INSTALLED, message, adapter.install_hint)
    return adapter


def _first_installed(adapters: Mapping[str, Adapter], find_program: Callable[[Adapter], str | None]) -> Adapter:
    for name in PREFERENCE:
        adapter = adapters[name]
        if adapter.program is not None and find_program(adapter) is not None:
            return adapter
    hints = "; ".join(f"{name}: {BUILT_IN[name].install_hint}" for name in PREFERENCE)
    raise Refused(
        ErrorCode.NO_AGENT,
        "no agent was specified, none is configured, and no built-in one is installed",
        f"Pass --agent shell to run the task as a shell command, or install an agent. {hints}.",
    )


def _suggest(name: str, adapters: Mapping[str, Adapter]) -> str:
    known = ", ".join(adapters)
    near = difflib.get_close_matches(name, adapters, n=1)
    return f"Did you mean {near[0]}? Known agents: {known}." if near else f"Known agents: {known}."
