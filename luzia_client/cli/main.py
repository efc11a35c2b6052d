"""The program `luzia`: runs the command that the first word names, or a dispatch.

A dispatch loads as little as possible; every other command loads what it needs.
"""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command line of the process; returns the exit status. Every exception becomes an error message."""
    try:
        if None in (sys.stdin, sys.stdout, sys.stderr):
            _open_missing_streams()
        _prepare_stdout()
        words = sys.argv[1:]
        if os.environ.get("LUZIA_HOST") or (words and words[0][:6] == "--host"):
            from luzia_client.cli.args import host_choice

            words = host_choice.choose(words)
        status = run(words)
        sys.stdout.flush()
    except SystemExit:
        raise
    except BaseException as exc:
        from luzia_client.cli.show.errors import report_error

        status = report_error(exc)
    if status:
        from luzia_client.cli.show.errors import suggest_project

        suggest_project(sys.argv[1:], status)
    return status


def run(words: list[str]) -> int:
    """Run a command line without the program's name; returns the exit status."""
    first = words[0] if words else ""
    if first == "--complete":
        from luzia_client.cli.completion import complete

        return complete.run(words[1:])
    if first == "--answered":
        from luzia_client.native import answered

        try:
            return answered.run(words[1], words[2:])
        except Exception as exc:
            return _run_alias(words[5:] if words[2:3] == [""] else [], exc)
    from luzia_client.cli.args.command_line import ALIASES, COMMANDS, DISPATCH_COMMANDS, is_option

    if first in ALIASES:
        first = ALIASES[first]
        words = [first, *words[1:]]
    if first in COMMANDS and first not in DISPATCH_COMMANDS and any("/" in word for word in words[1:]):
        from luzia_client.cli.args import host_choice

        words = host_choice.choose_by_ids(words)
    if first == "jobs" and _needs_no_parser(words[1:]):
        return _show_jobs(words[1:])
    if words == ["mcp"]:
        from luzia_client.mcp.relay import main as relay  # agents wait for it, and each has one

        return relay.run()
    if first in COMMANDS:
        return _run_command(first, words[1:])
    if not words:
        from luzia_client.cli.commands.dispatch import exchange_with_running
        from luzia_client.cli.show import overview

        if overview.print_overview(exchange_with_running):
            return 0
        from luzia_client.cli.help import usage

        return usage.print_short_help()
    if first in ("-h", "--help", "-V", "--version"):
        from luzia_client.cli.help import usage

        return usage.print_help(words)
    from luzia_client.cli.commands import dispatch

    try:
        if len(words) == 1 and not is_option(first) and not (sys.stdin.isatty() and sys.stdout.isatty()):
            from luzia_client.cli.help import usage

            raise usage.missing_task_error(first)
        return dispatch.run(words)
    except Exception as exc:
        return _run_alias(words, exc)


def _run_alias(words: list[str], problem: Exception) -> int:
    """Run the command line that an alias of the user stands for. Raises the problem when the words begin with none."""
    from luzia_client.cli.args import user_aliases
    from luzia_client.cli.args.command_line import ALIASES, COMMANDS

    expanded = user_aliases.expand(words, problem)
    if expanded is None:
        raise problem
    if expanded[0] in COMMANDS or expanded[0] in ALIASES:
        return run(expanded)
    return run(["dispatch", *expanded])  # not another alias: they are not expanded twice


def _needs_no_parser(words: list[str]) -> bool:
    """Whether they are only IDs, with --json at their end or without. argparse takes longer to load than all else."""
    ids = words[:-1] if words[-1:] == ["--json"] else words
    return (bool(ids) or not words) and all(word.isascii() and word[:1] not in ("", "-") for word in ids)


def _show_jobs(words: list[str]) -> int:
    """Run `luzia jobs`, or `luzia jobs ID…`."""
    from luzia_client.cli.commands.dispatch import exchange

    if not words:
        from luzia_client.cli.show import listing

        return listing.print_latest_jobs(exchange)
    from luzia_client.cli.show.job_pages import show_jobs

    as_json = words[-1] == "--json"
    return show_jobs(words[:-1] if as_json else words, as_json, exchange)


def _run_command(name: str, words: list[str]) -> int:
    """Run a command with the words that follow its name."""
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
    """Open closed standard streams on /dev/null; otherwise a socket would get their descriptor, and the output."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def _prepare_stdout() -> None:
    """Print `?` for characters that the encoding of stdout lacks."""
    if sys.stdout.encoding != "utf-8":
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
