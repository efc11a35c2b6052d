"""Explain a command or a topic; without a word, list the commands and the topics."""

from __future__ import annotations

import argparse

from luzia_client.cli import exit_codes
from luzia_client.cli.args.suggest import did_you_mean
from luzia_client.cli.args.usage_error import UsageError
from luzia_client.cli.help import usage
from luzia_client.cli.help.topics import TITLES, text_of
from luzia_client.cli.main import COMMANDS, run_command

EXAMPLES = (
    ("luzia help jobs", "the same as `luzia jobs --help`"),
    ("luzia help ids", "how jobs are named"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("about", nargs="?", metavar="COMMAND|TOPIC", help=f"a command, or one of: {', '.join(TITLES)}")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    if args.about is None:
        print(usage.all_commands())
    elif args.about in COMMANDS:
        return run_command(args.about, ["--help"])
    elif args.about in TITLES:
        print(text_of(args.about), end="")
    else:
        near = did_you_mean(args.about, [*COMMANDS, *TITLES])
        raise UsageError(f"no command and no topic {args.about!r}", f"{near}The topics are {', '.join(TITLES)}.")
    return exit_codes.OK
