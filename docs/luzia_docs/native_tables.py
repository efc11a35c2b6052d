"""Generates luzia_client/native/tables.h: what both programs `luzia` share. Run by `make generate`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from luzia_protocol import environment
from luzia_protocol.framing import MAX_FRAME_BYTES
from luzia_protocol.requests import MAX_OUTPUT_BYTES

from luzia_client.cli import exit_codes
from luzia_client.cli.args import command_line, dispatch_options, times
from luzia_client.cli.args.dispatch_options import OPTIONS, Option
from luzia_client.cli.commands import dispatch
from luzia_client.cli.show import text
from luzia_client.cli.watch import output_follower
from luzia_client.cli.watch.attention import ATTENTION_KINDS

HEADER = Path(__file__).parents[2] / "luzia_client" / "native" / "tables.h"

_PARSERS: dict[Callable[[str, str], object], str] = {
    dispatch_options.parse_text: "TEXT",
    dispatch_options.parse_switch: "SWITCH",
    dispatch_options.parse_directory: "DIRECTORY",
    dispatch_options.parse_duration: "DURATION",
    dispatch_options.parse_delay: "DURATION",
    dispatch_options.parse_tag: "TAG",
    dispatch_options.parse_jobs: "JOBS",
    dispatch_options.parse_count: "COUNT",
    dispatch_options.parse_list: "LIST",
    dispatch_options.parse_backoff: "BACKOFF",
    dispatch_options.parse_resources: "RESOURCES",
    dispatch_options.parse_cpus: "NUMBER",
    dispatch_options.parse_gpus: "NUMBER",
    dispatch_options.parse_dollars: "DOLLARS",
    dispatch_options.parse_size: "SIZE",
    dispatch_options.parse_priority: "PRIORITY",
}
KINDS = ("PYTHON", "NOTHING", "ARGUMENT", *dict.fromkeys(_PARSERS.values()))
_COMBINATIONS = {None: "REPLACE", list.__add__: "APPEND", dict.__or__: "MERGE"}


def render_tables() -> str:
    """The content of tables.h."""
    parts = [
        "/* Made by `make generate` from the tables of the Python program; do not edit. */",
        "#ifndef LUZIA_TABLES_H\n#define LUZIA_TABLES_H",
        f"#define SYSTEM_RUNTIME_DIR {_quote(environment.SYSTEM_RUNTIME_DIR)}",
        f"#define ATTENTION_KINDS {_quote(_encode(ATTENTION_KINDS))}",
        f"#define FOLLOWED_KINDS {_quote(_encode(output_follower.KINDS))}",
        _enum(
            {
                "EXIT_BUG": exit_codes.BUG,
                "EXIT_INPUT_OUTPUT": exit_codes.INPUT_OUTPUT,
                "EXIT_INTERRUPTED": exit_codes.INTERRUPTED,
                "EXIT_BROKEN_PIPE": exit_codes.BROKEN_PIPE,
                "EXIT_WAIT_TIMED_OUT": exit_codes.WAIT_TIMED_OUT,
                "MAX_TASK_BYTES": command_line.MAX_TASK_BYTES,
                "MAX_FRAME_BYTES": MAX_FRAME_BYTES,
                "MAX_OUTPUT_BYTES": MAX_OUTPUT_BYTES,
                "REPLY_TIMEOUT_S": int(dispatch.REPLY_TIMEOUT_S),
            }
        ),
        f"enum kind {{ {', '.join(KINDS)} }};",
        "enum combination { REPLACE, APPEND, MERGE, REFUSE };",
        "struct option {\n    const char *name, *field;\n    enum kind kind;\n    enum combination combination;\n"
        "    int takes_value, is_for_agents;\n};",
        _table("struct option OPTIONS[]", (_option_row(name, option) for name, option in OPTIONS.items())),
        _table(
            "struct { const char *name, *option; } COMMON_OPTIONS[]",
            (f"{{{_quote(name)}, {_quote(option)}}}" for name, option in command_line.COMMON_OPTIONS.items()),
        ),
        _table("char *const FLAGS[]", map(_quote, command_line.FLAGS)),
        _table("char *const COMMANDS[]", map(_quote, [*command_line.COMMANDS, *command_line.ALIASES])),
        "/* Commands that Python runs, and that are over soon. */",
        _table("char *const SHORT_COMMANDS[]", map(_quote, _short_commands())),
        _table("char *const INHERITED_VARIABLES[]", map(_quote, sorted(environment.INHERITED_VARIABLES))),
        _table(
            "struct { const char *name; double seconds; } UNITS[]",
            (f"{{{_quote(name)}, {seconds}}}" for name, seconds in times.UNITS.items()),
        ),
        f"static const double MAX_DURATION_S = {times.MAX_DURATION_S};",
        "/* Final states, the least severe first, and outcomes with an exit status of their own. */",
        _table(
            "struct { const char *name; int status; } STATES[]",
            (f"{{{_quote(state)}, {exit_codes.BY_STATE[state]}}}" for state in exit_codes.BY_STATE),
        ),
        _table(
            "struct { const char *name; int status; } OUTCOMES[]",
            (f"{{{_quote(outcome)}, {status}}}" for outcome, status in exit_codes.BY_OUTCOME.items()),
        ),
        "/* Ranges of characters. */",
        _ranges("WHITE_SPACE", lambda character: character.isspace()),
        _ranges("UNSAFE", lambda character: re.fullmatch(text.UNSAFE, character) is not None),
        "#endif",
    ]
    return "\n\n".join(parts) + "\n"


def _short_commands() -> list[str]:
    reading = ("jobs", "logs")
    aliases = (alias for alias, command in command_line.ALIASES.items() if command in reading)
    return [*reading, *aliases, "help", "--help", "-h", "--complete"]


def _option_row(name: str, option: Option) -> str:
    kind = _PARSERS.get(option.parse) or _probe(option)
    combination = _COMBINATIONS.get(option.combine, "REFUSE")
    flags = f"{int(bool(option.value))}, {int(option.field in dispatch_options.AGENT_FIELDS)}"
    return f"{{{_quote(name)}, {_quote(option.field)}, {kind}, {combination}, {flags}}}"


def _probe(option: Option) -> str:
    """The kind of an option that has a function of its own; what is not known is left to the Python program."""
    if not option.value:
        return "NOTHING" if option.parse("", "") is None else "PYTHON"
    return "ARGUMENT" if option.parse("", "0:00") == ["0:00"] else "PYTHON"


def _ranges(name: str, belongs: Callable[[str], bool]) -> str:
    found: list[tuple[int, int]] = []
    for code in range(0x110000):
        if belongs(chr(code)):
            if found and found[-1][1] == code - 1:
                found[-1] = (found[-1][0], code)
            else:
                found.append((code, code))
    return _table(f"int {name}[][2]", (f"{{{first:#x}, {last:#x}}}" for first, last in found))


def _enum(values: dict[str, int]) -> str:
    return "\n".join(["enum {", *(f"    {name} = {value}," for name, value in values.items()), "};"])


def _table(declaration: str, rows: Iterable[str]) -> str:
    return "\n".join([f"static const {declaration} = {{", *(f"    {row}," for row in rows), "};"])


def _encode(kinds: list[str]) -> str:
    return json.dumps(kinds, separators=(",", ":"))


def _quote(text: str) -> str:
    return json.dumps(text)


if __name__ == "__main__":
    HEADER.write_text(render_tables())
