"""The argument parser of the commands: complains as everything else in luzia does."""

from __future__ import annotations

import argparse
import math
from typing import NoReturn

from luzia_protocol.jobs import JobState

from luzia_client.cli.failure import UsageError


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose mistakes are UsageErrors. prog: `luzia COMMAND`."""

    def __init__(self, prog: str, description: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Raise the mistake."""
        raise UsageError(message, f"See `{self.prog} --help`.")


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option `--json`, which every command that prints has."""
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")


def add_ids(parser: argparse.ArgumentParser) -> None:
    """One or more job ids."""
    parser.add_argument(
        "ids", nargs="+", metavar="ID", help="a job's id, the beginning or end of one, agent:…, or @last"
    )


def states(text: str) -> list[JobState]:
    """`running,failed` as states; raises ArgumentTypeError that lists the known ones."""
    words = [word.strip().lower().replace("-", "_") for word in text.split(",") if word.strip()]
    known = {state.value: state for state in JobState}
    for word in words:
        if word not in known:
            raise argparse.ArgumentTypeError(f"{word!r} is no state; the states are {', '.join(known)}")
    return [known[word] for word in words]


def seconds(text: str) -> float:
    """A span of time for argparse, zero or more seconds."""
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise ValueError(text)
    return value
