"""Agents from the configuration: a command with placeholders. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from luziad.agents.base import Adapter, Command, CommandContext, ExitCodeReader, Reader

OPTIONAL = ("session", "model", "permission_mode")
"""Placeholders without a value in some attempts: a word or group with one of them is left out then."""
PLACEHOLDERS = ("task", "prompt_file", "directory", *OPTIONAL)
ARGS = "{args}"
"""The word that is replaced by the arguments that a user adds, if there are any."""

Template = Sequence[str | Sequence[str]]
"""A command: words, and groups of words that are left out together."""

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}|\{(\w+)\}")
"""`{{word}}` is the text `{word}`; braces around anything but a word are text."""


def list_words(template: Template) -> Iterator[str]:
    """All words of a command, also those of its groups."""
    for part in template:
        yield from [part] if isinstance(part, str) else part


def find_placeholders(word: str) -> Iterator[str]:
    """The names of the placeholders in an argument, known or not."""
    for match in _PLACEHOLDER.finditer(word):
        if match[2] is not None:
            yield match[2]


def fill_template(template: Template, context: CommandContext) -> list[str]:
    """The command of an attempt. Each placeholder is replaced once: those in the task are not replaced."""
    values = {
        "task": context.task,
        "prompt_file": context.prompt_file,
        "directory": context.directory,
        "session": context.session,
        "model": context.options.model,
        "permission_mode": context.options.permission_mode,
    }
    argv: list[str] = []
    for part in template:
        words = [part] if isinstance(part, str) else part
        if part == ARGS:
            argv += context.options.args
        elif all(values.get(name) is not None for word in words for name in find_placeholders(word)):
            argv += [_PLACEHOLDER.sub(lambda match: _replace(match, values), word) for word in words]
    return argv


def _replace(match: re.Match[str], values: Mapping[str, str | None]) -> str:
    return f"{{{match[1]}}}" if match[2] is None else values[match[2]] or ""


def build_adapter(
    name: str,
    template: Template,
    resume_template: Template | None = None,
    attach_template: Template | None = None,
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

    resume_template: the command of attempts that resume a session; None if `template` does that too.
    attach_template: the command that opens a session in the user's terminal; None when there is none.
    reader: that of the built-in agent whose output format the program prints; by default its exit code is the verdict.
    like: the program of that agent. version_option, install_hint: as in Adapter.
    """

    def command(context: CommandContext) -> Command:
        own = template if context.session is None or resume_template is None else resume_template
        return Command(
            fill_template(own, context),
            env=env,
            stdin_prompt=stdin_prompt,
            merge_stderr=merge_stderr,
        )

    def interactive(context: CommandContext) -> Command:
        return Command(fill_template(attach_template or (), context), env=env)

    words = [*list_words(template)]
    program = _find_program(words[0])
    used = {placeholder for word in words for placeholder in find_placeholders(word)}
    return Adapter(
        name=name,
        program=program,
        command=command,
        reader=reader,
        interactive=None if attach_template is None else interactive,
        has_version_option=program is not None and (version_option or program.rpartition("/")[2] == like),
        can_resume=resume_template is not None or "session" in used,
        accepts_model="model" in used,
        accepts_args=ARGS in words,
        permission_modes=None if "permission_mode" in used else {},
        install_hint=install_hint or f"Install {words[0]}, or correct the command in [agents.{name}].",
    )


def _find_program(word: str) -> str | None:
    """The program to look for; None when that depends on the job's directory."""
    if next(find_placeholders(word), None) is not None or ("/" in word and not word.startswith("/")):
        return None
    return word
