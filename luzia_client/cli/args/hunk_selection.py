"""The arguments that select some of a job's changes: files, and hunks by their numbers."""

from __future__ import annotations

from collections.abc import Sequence

from luzia_client.cli.args.errors import UsageError
from luzia_client.trees.selection import Selection


def parse_selection(files: Sequence[str], hunks: Sequence[str]) -> Selection | None:
    """The selection of `--file PATH` and `--hunk PATH:N[,N…]`; None for everything. Raises UsageError."""
    if not (files or hunks):
        return None
    chosen: dict[str, frozenset[int]] = {}
    for given in hunks:
        path, _, numbers = given.rpartition(":")
        parts = numbers.split(",")
        if not path or not all(part.isascii() and part.isdigit() for part in parts):
            raise UsageError(f"invalid hunk '{given}'", "Write PATH:N, such as `src/login.py:1` or `src/login.py:1,3`.")
        chosen[path] = chosen.get(path, frozenset()) | {int(part) for part in parts}
    return Selection(frozenset(files), chosen)
