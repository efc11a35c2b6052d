"""Aliases of the user: `[aliases]` in config.toml, each a name and the command line that it stands for.

A project has precedence: an alias is looked up when the daemon knows no project of the name, or when the command line
is not a dispatch. So it costs a dispatch nothing.
"""

from __future__ import annotations

from luzia_protocol import environment

from luzia_client.cli.args.command_line import ALIASES, COMMANDS, is_option
from luzia_client.cli.args.errors import UsageError

PLACE = "[aliases] in the configuration"


def expand(words: list[str], problem: BaseException) -> list[str] | None:
    """The command line that an alias stands for, with the words that follow it; None when it is no alias.

    words: of a dispatch. problem: why it is none. Raises UsageError for an invalid alias.
    """
    from luzia_protocol.errors import ErrorCode, Refused

    is_unknown = isinstance(problem, Refused) and problem.code is ErrorCode.UNKNOWN_PROJECT
    if not words or is_option(words[0]) or not (is_unknown or isinstance(problem, UsageError)):
        return None
    line = read_aliases().get(words[0])
    return None if line is None else [*_split(words[0], line), *words[1:]]


def read_aliases() -> dict[str, str]:
    """The aliases by name; none when the file does not exist or cannot be read as TOML, which the daemon reports."""
    import tomllib

    try:
        with open(environment.config_file(), "rb") as file:
            found = tomllib.load(file).get("aliases", {})
    except (OSError, ValueError):
        return {}
    return {name: line for name, line in found.items() if isinstance(line, str)} if isinstance(found, dict) else {}


def find_mistakes() -> list[tuple[str, str]]:
    """The aliases that cannot be used, each with the reason."""
    found = []
    for name, line in read_aliases().items():
        if name in COMMANDS or name in ALIASES:
            found.append((name, "is the name of a command, which has precedence"))
            continue
        try:
            _split(name, line)
        except UsageError as exc:
            found.append((name, exc.message.removeprefix(f"alias {name}: ")))
    return found


def _split(name: str, line: str) -> list[str]:
    import shlex

    try:
        words = shlex.split(line)
    except ValueError as exc:
        raise UsageError(f"alias {name}: '{line}' has an open quote", f"Correct it in {PLACE}.") from exc
    if not words or is_option(words[0]):
        hint = f'Write a command with its options in {PLACE}, such as: {name} = "jobs --state failed".'
        raise UsageError(f"alias {name}: '{line}' does not begin with a command or a project", hint)
    return words
