"""The rules for values in config.toml, and the description of a value that breaks one."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeGuard

from luzia_protocol.jobs import MAX_CPUS, MAX_PRIORITY, MAX_RETRIES, RETRYABLE

MAX_COUNT = 1_000_000_000
MIN_BYTES, MAX_BYTES = 1 << 16, 1 << 50
MAX_WEIGHT = 1000

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
NAME_EXPECTED = (
    "1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter, a digit or an underscore"
)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Rule(NamedTuple):
    """A rule for a value. expected: its description. accepts: whether a value from TOML conforms to it.

    schema: the same as JSON Schema, for editors, as far as that can say it.
    secret: the value may be a secret, so no message shows it.
    """

    expected: str
    accepts: Callable[[object], bool]
    schema: dict[str, Any]
    secret: bool = False


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(expected: str, most: float) -> Rule:
    """The rule for a number above 0 and at most `most`."""
    schema = {"type": "number", "exclusiveMinimum": 0, "maximum": most}
    return Rule(expected, lambda value: _is_number(value) and 0 < value <= most, schema)


def _whole(expected: str, least: int, most: int) -> Rule:
    """The rule for a whole number from `least` to `most`."""
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Rule(
        expected,
        lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most,
        schema,
    )


def is_text(value: object) -> bool:
    """Whether a value is a string that can be passed to another program."""
    return isinstance(value, str) and "\0" not in value


def _is_directory(value: object) -> bool:
    return isinstance(value, str) and is_text(value) and os.path.isabs(os.path.expanduser(value))


def _is_command(value: object) -> bool:
    """Whether a value is a command: strings, and arrays of strings; the first is a string that is not empty."""
    if not isinstance(value, list) or not value or not isinstance(value[0], str) or not value[0]:
        return False
    return all(all(map(is_text, each)) if isinstance(each, list) else is_text(each) for each in value)


def _is_field(value: object) -> bool:
    """Whether a value is a string or an array of strings; that they are expressions is checked one by one."""
    several = value if isinstance(value, list) else [value]
    return bool(several) and all(isinstance(each, str) for each in several)


def one_of(*words: str) -> Rule:
    """The rule for a string from a fixed set."""
    quoted = [f'"{word}"' for word in words]
    return Rule(f"{', '.join(quoted[:-1])} or {quoted[-1]}", lambda value: value in words, {"enum": [*words]})


def _is_retryable(value: object) -> bool:
    return isinstance(value, list) and all(each in RETRYABLE for each in value)


def _is_backoff(value: object) -> bool:
    if not isinstance(value, list) or not 1 <= len(value) <= 2:
        return False
    return all(map(SECONDS.accepts, value)) and value[0] <= value[-1]


def _is_ref(value: object) -> bool:
    """Whether a value may name a commit; git decides whether it does."""
    return is_text(value) and value != "" and not str(value).startswith("-")


def _are_relative_paths(value: object) -> bool:
    """Whether a value is an array of paths that stay in the directory in which they are looked up."""
    return _is_words(value) and isinstance(value, list) and all(map(_is_relative_path, value))


_RELATIVE_PATH = r"^(?!(.*/)?(\.|\.\.|\.git)(/|$))[^/\u0000]+(/[^/\u0000]+)*/*$"


def _is_relative_path(path: str) -> bool:
    parts = path.rstrip("/").split("/")
    return all(parts) and not {".", "..", ".git"} & set(parts)


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(is_text(each) and each for each in value)


_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TEXT = {"type": "string", "pattern": "^[^\\u0000]*$"}
_WORD = {**_TEXT, "minLength": 1}

BOOLEAN = Rule("true or false", lambda value: isinstance(value, bool), {"type": "boolean"})
STRING = Rule("a string without NUL", is_text, _TEXT)
COUNT = _whole(f"a whole number from 1 to {MAX_COUNT}", 1, MAX_COUNT)
BYTES = _whole(f"a number of bytes from {MIN_BYTES} to {MAX_BYTES}", MIN_BYTES, MAX_BYTES)
DOLLARS = _number("a number of US dollars above 0", MAX_COUNT)
PRICE = Rule(
    f"a number of US dollars from 0 to {MAX_COUNT}",
    lambda value: _is_number(value) and 0 <= value <= MAX_COUNT,
    {"type": "number", "minimum": 0, "maximum": MAX_COUNT},
)
DATE = Rule(
    'a date such as "2026-11-30"',
    lambda value: isinstance(value, str) and _DATE.fullmatch(value) is not None,
    {"type": "string", "pattern": f"^{_DATE.pattern}$"},
)
CPUS = _number(f"a number of CPUs above 0 and at most {MAX_CPUS}", MAX_CPUS)
LOAD = _number(f"a number above 0 and at most {MAX_CPUS}", MAX_CPUS)
PERCENT = _number("a number above 0 and at most 100", 100)
WEIGHT = _number(f"a number above 0 and at most {MAX_WEIGHT}", MAX_WEIGHT)
NICE = _whole("a whole number from 0 to 19", 0, 19)
PRIORITY = _whole(f"a whole number from {-MAX_PRIORITY} to {MAX_PRIORITY}", -MAX_PRIORITY, MAX_PRIORITY)
SECONDS = _number(f"a number of seconds above 0 and at most {MAX_COUNT}", MAX_COUNT)
RETRIES = _whole(f"a whole number from 0 to {MAX_RETRIES}", 0, MAX_RETRIES)
RETRY_ON = Rule(
    f"an array of {', '.join(RETRYABLE)}", _is_retryable, {"type": "array", "items": {"enum": [*RETRYABLE]}}
)
BACKOFF = Rule(
    f"one or two numbers of seconds above 0 and at most {MAX_COUNT}, the first not above the second: [2, 300]",
    _is_backoff,
    {"type": "array", "items": SECONDS.schema, "minItems": 1, "maxItems": 2},
)
DIRECTORY = Rule(
    "an absolute path, or a path that begins with ~", _is_directory, {"type": "string", "pattern": "^[/~][^\\u0000]*$"}
)
WORDS = Rule("an array of strings that are not empty and contain no NUL", _is_words, {"type": "array", "items": _WORD})
COMMAND = Rule(
    "an array of strings without NUL, the first one not empty",
    _is_command,
    {
        "type": "array",
        "prefixItems": [_WORD],
        "items": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]},
        "minItems": 1,
    },
    secret=True,
)
WORD = Rule("a string that is not empty and contains no NUL", lambda value: is_text(value) and value != "", _WORD)
EXECUTOR_KIND = Rule('"ray"', lambda value: value == "ray", {"const": "ray"})
_ADDRESS = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5}")
ADDRESS = Rule(
    "an address of the form HOST:PORT",
    lambda value: isinstance(value, str) and _ADDRESS.fullmatch(value) is not None,
    {"type": "string", "pattern": f"^({_ADDRESS.pattern})$"},
)
NAMESPACE = Rule(
    NAME_EXPECTED,
    lambda value: isinstance(value, str) and NAME.fullmatch(value) is not None,
    {"type": "string", "pattern": f"^{NAME.pattern}$"},
)
VARIABLES = Rule(
    "a table of variables",
    lambda value: isinstance(value, dict),
    {"type": "object", "propertyNames": {"pattern": f"^{VARIABLE.pattern}$"}, "additionalProperties": _TEXT},
    secret=True,
)
FIELD = Rule(
    'an expression such as "message.text" or "result: cost", or an array of them',
    _is_field,
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
)
TYPE = Rule('an expression such as "event.type"', lambda value: isinstance(value, str), {"type": "string"})
TOTALS = Rule(
    'true, false, "run" or "session"',
    lambda value: isinstance(value, bool) or value in ("run", "session"),
    {"enum": [True, False, "run", "session"]},
)
REF = Rule(
    'a branch, a tag or a commit such as "main"', _is_ref, {"type": "string", "pattern": "^[^\\u0000-][^\\u0000]*$"}
)
RELATIVE_PATHS = Rule(
    'an array of paths in the project such as [".env"], without `..` and .git',
    _are_relative_paths,
    {"type": "array", "items": {"type": "string", "pattern": _RELATIVE_PATH}},
)
WORKTREE = Rule(
    "true, false or a table such as [projects.NAME.worktree]",
    lambda value: isinstance(value, bool | dict),
    {"type": ["boolean", "object"]},
)
JSONL = Rule("a table such as [agents.NAME.jsonl]", lambda value: isinstance(value, dict), {"type": "object"})
LOG_LEVEL = one_of("debug", "info", "warning", "error")
CONFIRM = one_of("block", "line")
PULL_REQUEST = one_of("gh", "glab")
PROMPT = one_of("argument", "stdin", "none")


_SHOWN_NUMBERS = 4
"""Up to how many numbers an array is shown with them."""


def describe_value(value: object, *, secret: bool = False) -> str:
    """A short description of the value; only its type when it may be a secret."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() if secret or len(value) > 100 or not value.isprintable():
            return "a string"
        case str():
            return f'"{value}"'
        case int() | float():
            return "a number" if secret or len(repr(value)) > 30 else repr(value)
        case list() if not secret and 1 <= len(value) <= _SHOWN_NUMBERS and all(map(_is_number, value)):
            return f"[{', '.join(map(describe_value, value))}]"
        case list():
            return "an array" if value else "an empty array"
        case dict():
            return "a table"
        case datetime.date() | datetime.time():
            return "a date or time"
    return "another value"
