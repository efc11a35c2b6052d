"""Monitor jobs in a full-screen view, with the activity of each job and the output of the selected one.

Keys control the jobs; press ? for a list of keys. The view contains the jobs of this machine and of all hosts added
with `luzia hosts add`; with `luzia --host NAME top`, it contains only those of that host.
"""

from __future__ import annotations

import argparse
import os
import sys

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_project_filter

EXAMPLES = (
    ("luzia top", "monitor all jobs"),
    ("luzia top --project overbits", "monitor the jobs of a project"),
)

ALTERNATIVE = "`luzia jobs --watch` works without one, and prints a line per change."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_project_filter(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("luzia top needs a terminal", ALTERNATIVE)
    if os.environ.get("TERM", "dumb") in ("dumb", ""):
        raise UsageError("luzia top needs a terminal that can move the cursor; check TERM", ALTERNATIVE)
    from luzia_client.cli.args.host_choice import other_hosts
    from luzia_client.tui.top.app import run_top

    return run_top(args.project, other_hosts())
