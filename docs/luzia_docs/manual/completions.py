"""The table of completions, which cli/completion/complete.py reads: commands, options, and kinds of values."""

from __future__ import annotations

import json
from typing import Any

from luzia_protocol.jobs import RETRYABLE, JobState

from luzia_client.cli.args.command_line import ALIASES, DISPATCH_COMMANDS
from luzia_client.cli.configuration.schema import schema_text
from luzia_client.cli.help import topics
from luzia_client.cli.help.reference import Command, Parameter, list_commands
from luzia_client.cli.show.columns import COLUMNS

BY_OPTION = {
    "--agent": "agent",
    "--cwd": "directory",
    "--format": "column",
    "--project": "project",
    "--model": "model",
    "--permission-mode": "permission_mode",
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
    "HOST": "host",
    "SETTING": "setting",
}
"""The kind of a value by its option, or by its name in the help; other values are not completed."""


def completion_table() -> str:
    """The table as JSON."""
    known = list_commands()
    tables = json.loads(schema_text())["properties"]
    words = {
        "state": [state.value for state in JobState],
        "column": list(COLUMNS),
        "outcome": [outcome.value for outcome in RETRYABLE],
        "setting": [f"{table}.{key}" for table in ("daemon", "cli") for key in tables[table]["properties"]],
    }
    return (
        json.dumps(
            {
                "commands": {each.name: _command(each) | _words(each) for each in known},
                "aliases": ALIASES,
                "topics": dict(topics.TITLES),
                "words": words,
            },
            ensure_ascii=False,
            indent=1,
        )
        + "\n"
    )


def _command(command: Command) -> dict[str, Any]:
    found: dict[str, Any] = {"text": command.summary, "options": {}, "words": []}
    for parameter in command.parameters:
        for name in parameter.names:
            found["options"][name] = [_kind(parameter), parameter.help]
        if not parameter.names:
            found["words"].append(_kind(parameter) + ("…" if parameter.repeated else ""))
    if command.actions:
        found["actions"] = {each.name: _command(each) for each in command.actions}
    return found


def _words(command: Command) -> dict[str, Any]:
    """The arguments of the commands without a parser."""
    return {"words": ["project"]} if command.name in DISPATCH_COMMANDS else {}


def _kind(parameter: Parameter) -> str:
    """The kind of a parameter's value: `-` if it cannot be completed, empty for a switch."""
    if parameter.choices:
        return "|".join(parameter.choices)
    if not parameter.value:
        return ""
    for name in parameter.names:
        if name in BY_OPTION:
            return BY_OPTION[name]
    return BY_VALUE.get(parameter.value, "-")
