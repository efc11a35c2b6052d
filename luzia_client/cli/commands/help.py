"""Show the help of a command or a topic, or list all commands and topics."""

from __future__ import annotations

import argparse

from luzia_client.cli import exit_codes
from luzia_client.cli.args.command_line import ALIASES, COMMANDS, DISPATCH_COMMANDS
from luzia_client.cli.args.errors import UsageError, did_you_mean
from luzia_client.cli.args.foreign_words import find_meaning
from luzia_client.cli.args.parser import command_parser, load_command
from luzia_client.cli.help import usage
from luzia_client.cli.help.topics import TITLES, topic_text

EXAMPLES = (
    ("luzia help jobs", "show the help of a command"),
    ("luzia help ids", "show the help of a topic"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "about", nargs="?", metavar="COMMAND|TOPIC", help=f"a command, or one of these topics: {', '.join(TITLES)}"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    args.about = ALIASES.get(args.about, args.about)
    if args.about is None:
        print(usage.format_commands())
    elif args.about in COMMANDS:
        if args.about in DISPATCH_COMMANDS:
            usage.print_dispatch_help(args.about)
        else:
            command_parser(args.about, load_command(args.about)).print_help()
        if args.about in TITLES:
            print(f"\n{topic_text(args.about)}", end="")
    elif args.about in TITLES:
        print(topic_text(args.about), end="")
        if args.about == "protocol":
            from luzia_protocol.files import protocol_page, schema_directory

            print(f"\nPage:     {protocol_page()}\nSchemas:  {schema_directory()}")
    else:
        meant = (find_meaning(args.about) or "").split()[1:2]
        if meant and (meant[0] in COMMANDS):
            raise UsageError(f"unknown command or topic '{args.about}'", f"Did you mean `luzia help {meant[0]}`?")
        near = did_you_mean(args.about, [*COMMANDS, *TITLES])
        raise UsageError(f"unknown command or topic '{args.about}'", f"{near}The topics are {', '.join(TITLES)}.")
    return exit_codes.OK
