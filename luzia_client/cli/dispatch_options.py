"""The options of a dispatch that few use, in one table: loaded only when one of them is there.

A new option is one row here, a field of the protocol's Dispatch, and a check in the daemon.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from luzia_client.caller import absolute
from luzia_client.cli.grammar import usage_error


class Option(NamedTuple):
    """field: of the request. value: its name in the help, empty for an option without one. text: what it does.

    read: makes the field's value from the option's name and its text. more: joins a repetition to what was there.
    """

    field: str
    value: str
    text: str
    read: Callable[[str, str], Any]
    more: Callable[[Any, Any], Any] | None = None


def directory(option: str, text: str) -> str:
    """An absolute path."""
    return absolute(text)


def seconds(option: str, text: str) -> float:
    """A number of seconds. Raises UsageError."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e9:
        raise usage_error(f"{option} {text}: no number of seconds", f"Write for example {option} 90.")
    return number


OPTIONS = {
    "--cwd": Option("cwd", "DIR", "run there instead of in the project's directory", directory),
    "--timeout": Option("timeout_s", "S", "end the job after so many seconds", seconds),
}


def take(fields: dict[str, Any], name: str, text: str) -> None:
    """Put what an option says into the request's fields. Raises UsageError."""
    option = OPTIONS[name]
    value = option.read(name, text)
    if option.more is not None and option.field in fields:
        value = option.more(fields[option.field], value)
    fields[option.field] = value


def described() -> str:
    """The options as lines of a help text."""
    return "".join(f"      {f'{name} {each.value}'.rstrip():<15} {each.text}\n" for name, each in OPTIONS.items())
