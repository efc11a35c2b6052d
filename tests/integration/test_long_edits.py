"""An edit of dependencies, of which there may be millions, lets others go on, and no cycle comes about meanwhile."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import PrivateDaemon, dispatch, eventually

SLOW_SEARCH = """
import os, sys
from luziad.handlers import edit
begun, gate = sys.argv.pop(1), sys.argv.pop(1)
search = edit.search_cycle
def slow(start, parents_of):
    if os.path.exists(begun):  # only the first search is slow
        return (yield from search(start, parents_of))
    open(begun, "x").close()
    found = yield from search(start, parents_of)
    while not os.path.exists(gate):
        yield
    return found
edit.search_cycle = slow
from luziad.cli import main
sys.exit(main())
"""


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    """A daemon whose first search for a cycle goes on until there is a file `gate`."""
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon = PrivateDaemon(Path(directory), "[daemon]\nmax_running = 1\n")
        try:
            daemon.start(["-c", SLOW_SEARCH, f"{directory}/begun", f"{directory}/gate"])
            yield daemon
        finally:
            daemon.end_everything()


def test_others_are_answered_and_edits_that_would_close_a_cycle_together_are_not_both_made(
    daemon: PrivateDaemon,
) -> None:
    with daemon.connect() as wire, daemon.connect() as other:
        first, second = (dispatch(wire, "true", hold=True) for _ in range(2))
        wire.send(op="edit", job=second, after=[first])
        eventually((daemon.root / "begun").exists, "the search")
        other.ok(op="edit", job=first, after=[second])
        (daemon.root / "gate").touch()
        answer = wire.receive()
        assert answer["error"]["code"] == "graph_cycle"
        assert other.ok(op="status", job=second)["job"]["after"] == []


def test_a_job_that_starts_meanwhile_is_edited_no_more(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire, daemon.connect() as other:
        first, second = (dispatch(wire, "true", hold=True) for _ in range(2))
        wire.send(op="edit", job=second, after=[first])
        eventually((daemon.root / "begun").exists, "the search")
        other.ok(op="cancel", job=second)
        (daemon.root / "gate").touch()
        assert wire.receive()["error"]["code"] == "job_not_queued"
