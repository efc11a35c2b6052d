"""Report from inside a job how far it is; LUZIA_JOB_ID, which every job has, names the job."""

from __future__ import annotations

import argparse
import math
import os

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.output import print_json

EXAMPLES = (('luzia progress 40 "running the tests"', "in a job: how far it is, and at what"),)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("percent", type=_percent, metavar="PERCENT", help="0 to 100, with or without %%")
    parser.add_argument("label", nargs="*", metavar="WORD", help="what is being done")
    parser.add_argument("--job", metavar="ID", help="the job, when it is not the one this runs in")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    job = args.job or os.environ.get("LUZIA_JOB_ID")
    if not job:
        raise UsageError("no job: LUZIA_JOB_ID is not set here", "Run it inside a job, or name one with --job ID.")
    with Client() as client:
        changed = client.report_progress(job, percent=args.percent, label=" ".join(args.label) or None)
    if args.json:
        print_json(changed)
    return exit_codes.OK


def _percent(text: str) -> float:
    value = float(text.removesuffix("%"))
    if not math.isfinite(value) or not 0 <= value <= 100:
        raise ValueError(text)
    return value


_percent.__name__ = "percentage"  # argparse names it in "invalid percentage value"
