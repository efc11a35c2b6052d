"""A prompt at which every luzia command works, without the word `luzia` before it.

It completes commands, options, projects and jobs, keeps a history, takes tasks of many lines, and says when a
job that was dispatched in it ends or asks. What comes from a pipe is run line by line, up to the first that fails.
"""

from __future__ import annotations

import argparse
import os
import sys

from luzia_client.cli.args.errors import UsageError

NEWS = ("mine", "all", "none")
EXAMPLES = (
    ("luzia shell", "then: jobs, logs @last, overbits fix the login button"),
    ("luzia shell --news all", "and say when jobs end that others dispatched"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--news",
        choices=NEWS,
        default=NEWS[0],
        help="say when these jobs end or ask: those dispatched in this shell, all, or none (default: mine)",
    )


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    if not sys.stdin.isatty():
        from luzia_client.tui.shell.script import run_script

        return run_script(sys.stdin)
    if not sys.stdout.isatty() or os.environ.get("TERM", "dumb") in ("dumb", ""):
        raise UsageError(
            "the shell needs a terminal on which it can move the cursor",
            "Set TERM, or let the lines come from a pipe: luzia shell < FILE.",
        )
    from luzia_client.tui.shell.session import run_session

    return run_session(args.news)
