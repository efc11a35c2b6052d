"""What TAB offers, as the table that cli/completion/complete.py reads: commands, options, and kinds of values."""

from __future__ import annotations

import json
from typing import Any

from luzia_protocol.jobs import RETRYABLE, JobState

from luzia_client.cli.args.command_line import DISPATCH_COMMANDS
from luzia_client.cli.help import topics
from luzia_client.cli.help.reference import Command, Parameter, list_commands
from luzia_client.cli.show.columns import COLUMNS

BY_OPTION = {
    "--agent": "agent",
    "--cwd": "directory",
    "--format": "column",
    "--project": "project",
    "--retry-on": "outcome",
    "--state": "state",
    "--tag": "tag",
}
BY_VALUE = {
    "AGENT": "agent",
    "COMMAND|TOPIC": "topic",
    "DIR": "directory",
    "FILE": "file",
    "ID": "job",
    "ID,…": "jobs",
    "PATH": "directory",
    "PROJECT": "project",
    "SCHEDULE": "schedule",
}
"""The kind of a value by its option, or by its name in the help; what is in neither is not completed."""


def table() -> str:
    """The table as JSON."""
    known = list_commands()
    words = {
        "state": [state.value for state in JobState],
        "column": list(COLUMNS),
        "outcome": [outcome.value for outcome in RETRYABLE],
    }
    return (
        json.dumps(
            {
                "commands": {each.name: _command(each) | _grammar(each) for each in known},
                "topics": dict(topics.TITLES),
                "words": words,
            },
            ensure_ascii=False,
            indent=1,
        )
        + "\n"
    )


def _command(command: Command) -> dict[str, Any]:
    found: dict[str, Any] = {"text": command.title, "options": {}, "words": []}
    for word in command.words:
        for name in word.names:
            found["options"][name] = [_kind(word), word.text]
        if not word.names:
            found["words"].append(_kind(word) + ("…" if word.many else ""))
    if command.actions:
        found["actions"] = {each.name: _command(each) for each in command.actions}
    return found


def _grammar(command: Command) -> dict[str, Any]:
    """What the commands with a grammar of their own say instead; an action that is called like one has a parser."""
    return {"words": ["project"]} if command.name in DISPATCH_COMMANDS else {}


def _kind(word: Parameter) -> str:
    """The kind of the word's value: `-` for none that can be completed, nothing for an option without one."""
    if word.choices:
        return "|".join(word.choices)
    if not word.value:
        return ""
    for name in word.names:
        if name in BY_OPTION:
            return BY_OPTION[name]
    return BY_VALUE.get(word.value, "-")
