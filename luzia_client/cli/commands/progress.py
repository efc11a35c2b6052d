"""Report progress from inside a job. LUZIA_JOB_ID, which is set in every job, identifies the job."""

from __future__ import annotations

import argparse
import os

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.output import print_json

EXAMPLES = (('luzia progress 40 "running the tests"', "report a progress of 40%"),)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("percent", type=_percent, metavar="PERCENT", help="0 to 100, with or without %%")
    parser.add_argument("label", nargs="*", metavar="WORD", help="a label for the current step")
    parser.add_argument("--job", metavar="ID", help="the job (default: LUZIA_JOB_ID)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    job = args.job or os.environ.get("LUZIA_JOB_ID")
    if not job:
        raise UsageError("no job given: LUZIA_JOB_ID is not set", "Run this inside a job, or use --job ID.")
    with Client() as client:
        changed = client.report_progress(job, percent=args.percent, label=" ".join(args.label) or None)
    if args.json:
        print_json(changed)
    return exit_codes.OK


def _percent(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"invalid percentage '{text}': it must be from 0 to 100")
    return value
