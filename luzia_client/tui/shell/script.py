"""`luzia shell` without a terminal: runs the lines of standard input up to the first that fails."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.text import one_line
from luzia_client.tui.shell.command_runner import run_script_command
from luzia_client.tui.shell.line_parser import LineKind, parse_line
from luzia_client.tui.shell.quoting import QUOTES, split


def run_script(source: Iterable[str]) -> int:
    """Run the lines in order; returns 0, or the exit status of the first that fails."""
    for number, line in join_lines(source):
        try:
            parsed = parse_line(line)
        except UsageError as exc:
            raise UsageError(f"line {number}: {exc.message}", exc.hint) from exc
        if parsed.kind is LineKind.EXIT:
            break
        if parsed.kind in (LineKind.USE, LineKind.HELP):
            raise UsageError(
                f"line {number}: `{parsed.kind.value}` is only available at the prompt",
                "Name the project in each line.",
            )
        if parsed.kind is LineKind.NOTHING:
            continue
        sys.stdout.flush()
        status = run_script_command(parsed.words)
        if status != exit_codes.OK:
            return print_error(f"line {number} failed with exit status {status}: {one_line(line, 80)}", "", status)
    return exit_codes.OK


def join_lines(source: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Complete lines, each with the number of its first one; an open quote continues on the next line."""
    first, line, quote = 0, "", ""
    for number, text in enumerate(source, 1):
        first = first if line else number
        line += text
        if quote and quote in QUOTES and quote not in text:
            continue
        quote = "" if line.lstrip().startswith("#") else split(line.removesuffix("\n")).open
        if not quote:
            yield first, line.removesuffix("\n")
            line = ""
    if line:
        yield first, line.removesuffix("\n")
