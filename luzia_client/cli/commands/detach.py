"""Let an attached job continue in the background.

The agent in the terminal is terminated, and its session is resumed in the background. Run this command in another
terminal, or inside the agent (`!luzia detach` in Claude Code), where ID can be omitted.
"""

from __future__ import annotations

import argparse
import os

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.show.output import print_change

EXAMPLES = (
    ("luzia detach a2f5", "the agent continues in the background"),
    ("luzia detach --end a2f5", "the agent is terminated and the job ends"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", metavar="ID", nargs="?", help=f"{ID_HELP} (default: LUZIA_JOB_ID)")
    parser.add_argument("--end", action="store_true", help="end the job instead; a finished job keeps its state")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    job = args.job or os.environ.get("LUZIA_JOB_ID")
    if not job:
        hint = "To continue, in the background, a session that you started yourself: luzia adopt-session AGENT SESSION."
        raise UsageError("missing ID", hint)
    with Client() as client:
        print_change(client.detach(job, "end" if args.end else "continue"), args.json, "detaching")
    return exit_codes.OK
