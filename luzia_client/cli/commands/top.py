"""All jobs on a full screen: what each is doing, what the selected one writes, and keys to act on it.

? shows the keys.
"""

from __future__ import annotations

import argparse
import os
import sys

from luzia_client.cli.args.errors import UsageError

EXAMPLES = (
    ("luzia top", "all jobs; ? shows the keys"),
    ("luzia top --project overbits", "only those of a project"),
)

INSTEAD = "`luzia jobs --watch` shows the jobs anywhere, a line a change."


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--project", action="append", default=[], metavar="P", help="only jobs of this project (repeatable)"
    )


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("`luzia top` needs a terminal for its keys and its screen", INSTEAD)
    if os.environ.get("TERM", "dumb") in ("dumb", ""):
        raise UsageError("`luzia top` needs a terminal that can draw, and TERM names none", INSTEAD)
    from luzia_client.tui.top.app import run_top

    return run_top(args.project)
