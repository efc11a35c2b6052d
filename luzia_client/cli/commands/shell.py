"""Start an interactive prompt for luzia commands, which are entered without the word `luzia`.

The prompt completes commands, options, projects and jobs, keeps a history, accepts multi-line tasks, and prints a
notification when a job that was dispatched from it ends or asks a question. Lines from a pipe are run in order until
one of them fails.
"""

from __future__ import annotations

import argparse
import os
import sys

from luzia_client.cli.args.errors import UsageError

NEWS = ("mine", "all", "none")
EXAMPLES = (
    ("luzia shell", "start the prompt; for example: jobs, logs @last"),
    ("luzia shell --news all", "print notifications about all jobs"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--news",
        choices=NEWS,
        default=NEWS[0],
        metavar="WHICH",
        help="print notifications about the jobs dispatched from this prompt (mine), all jobs, or none (default: mine)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if not sys.stdin.isatty():
        from luzia_client.tui.shell.script import run_script

        return run_script(sys.stdin)
    if not sys.stdout.isatty() or os.environ.get("TERM", "dumb") in ("dumb", ""):
        raise UsageError(
            "luzia shell needs a terminal that can move the cursor",
            "Set TERM, or pass the lines on a pipe: luzia shell < FILE.",
        )
    from luzia_client.tui.shell.session import run_session

    return run_session(args.news)
