"""The command `luzia`: decides whether the first word is a command, and runs it.

A dispatch is decided first and imports as little as possible; the other commands load what they need.
"""

from __future__ import annotations

import sys


def main() -> int:
    """The console script: runs the command line, and turns every failure into words and an exit status."""
    try:
        if None in (sys.stdin, sys.stdout, sys.stderr):
            _open_missing_streams()
        _prepare_stdout()
        status = run(sys.argv[1:])
        sys.stdout.flush()
    except SystemExit:
        raise
    except BaseException as exc:
        from luzia_client.cli.show.errors import report_error

        return report_error(exc)
    return status


def run(words: list[str]) -> int:
    """Run a command line without the program's name; returns the exit status."""
    first = words[0] if words else ""
    if first == "--complete":
        from luzia_client.cli.completion import complete

        return complete.run(words[1:])
    from luzia_client.cli.args.command_line import COMMANDS, is_option

    if first in COMMANDS:
        return _run_command(first, words[1:])
    if not words or first in ("-h", "--help", "-V", "--version"):
        from luzia_client.cli.help import usage

        return usage.print_help(words)
    from luzia_client.cli.commands import dispatch

    if len(words) == 1 and not is_option(first):
        from luzia_client.cli.help import usage

        raise usage.missing_task_error(first)
    return dispatch.run(words)


def _run_command(name: str, words: list[str]) -> int:
    """Run one command with the words that follow its name."""
    if name == "dispatch":
        from luzia_client.cli.commands import dispatch

        return dispatch.run(words)
    from luzia_client.cli.args.command_line import DISPATCH_COMMANDS
    from luzia_client.cli.args.parser import check_encoding, command_parser, load_command

    module = load_command(name)
    if name in DISPATCH_COMMANDS:
        return int(module.run(words))
    check_encoding(words)
    return int(module.run(command_parser(name, module).parse_args(words)))


def _open_missing_streams() -> None:
    """What was closed becomes /dev/null: else the daemon's socket would take its number and get what is printed."""
    import os

    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def _prepare_stdout() -> None:
    """A terminal without UTF-8 gets `?` for what it cannot show, and never an error."""
    if sys.stdout.encoding != "utf-8":
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
