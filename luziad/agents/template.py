"""Agents from the configuration: a command with placeholders. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from luziad.agents.base import Adapter, Command, CommandContext, ExitCodeReader, Reader

PLACEHOLDERS = ("task", "prompt_file", "directory")

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}|\{(\w+)\}")
"""`{{word}}` is the text `{word}`; braces around anything but a word are text."""


def find_placeholders(word: str) -> Iterator[str]:
    """The names of the placeholders in an argument, known or not."""
    for match in _PLACEHOLDER.finditer(word):
        if match[2] is not None:
            yield match[2]


def fill_placeholders(word: str, context: CommandContext) -> str:
    """Replace the placeholders in an argument, each once: placeholders in the task are not replaced."""
    values = {
        "task": context.task,
        "prompt_file": context.prompt_file,
        "directory": context.directory,
    }
    return _PLACEHOLDER.sub(lambda m: f"{{{m[1]}}}" if m[2] is None else values[m[2]], word)


def build_adapter(
    name: str,
    argv: list[str],
    *,
    stdin_prompt: bool,
    env: dict[str, str],
    merge_stderr: bool,
    reader: Callable[[], Reader] = ExitCodeReader,
    like: str | None = None,
    version_option: bool = False,
    install_hint: str = "",
) -> Adapter:
    """The adapter of a configured agent.

    argv: arguments with placeholders of PLACEHOLDERS. reader: that of the built-in agent whose output format the
    program prints; by default its exit code is the verdict. like: the program of that agent.
    version_option, install_hint: as in Adapter.
    """

    def command(context: CommandContext) -> Command:
        return Command(
            [fill_placeholders(word, context) for word in argv],
            env=env,
            stdin_prompt=stdin_prompt,
            merge_stderr=merge_stderr,
        )

    program = _find_program(argv[0])
    return Adapter(
        name=name,
        program=program,
        command=command,
        reader=reader,
        has_version_option=program is not None and (version_option or program.rpartition("/")[2] == like),
        install_hint=install_hint or f"Install {argv[0]}, or correct the command in [agents.{name}].",
    )


def _find_program(word: str) -> str | None:
    """The program to look for; None when that depends on the job's directory."""
    if next(find_placeholders(word), None) is not None or ("/" in word and not word.startswith("/")):
        return None
    return word
