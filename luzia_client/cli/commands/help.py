"""Explain a command or a topic; without a word, list the commands and the topics."""

from __future__ import annotations

import argparse

from luzia_client.cli import exit_codes
from luzia_client.cli.args.command_line import COMMANDS, DISPATCH_COMMANDS
from luzia_client.cli.args.errors import UsageError, did_you_mean
from luzia_client.cli.args.parser import command_parser, load_command
from luzia_client.cli.help import usage
from luzia_client.cli.help.topics import TITLES, topic_text

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
        print(usage.format_commands())
    elif args.about in COMMANDS:
        if args.about in DISPATCH_COMMANDS:
            usage.print_dispatch_help(args.about)
        else:
            command_parser(args.about, load_command(args.about)).print_help()
    elif args.about in TITLES:
        print(topic_text(args.about), end="")
    else:
        near = did_you_mean(args.about, [*COMMANDS, *TITLES])
        raise UsageError(f"no command and no topic {args.about!r}", f"{near}The topics are {', '.join(TITLES)}.")
    return exit_codes.OK
