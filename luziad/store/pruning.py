"""Which events are kept: the newest, and of jobs that are remembered also older ones; of progress only the newest."""

from __future__ import annotations

import sqlite3

from luziad.store.queries import SQL

EVENTS_KEPT = 200_000
"""Events, other than progress, that are kept whatever has become of their jobs."""
PROGRESS_KEPT = 20_000
PRUNE_EVERY = 20_000
"""How many events of a kind are written between two prunings."""
FIRST_PRUNE = 1_000
"""The same after a start: a daemon that is often restarted prunes, too."""


class EventPruner:
    """Counts what is written, and prunes in the same transaction from time to time. Use it from one thread."""

    def __init__(self) -> None:
        self._events = self._progress = PRUNE_EVERY - FIRST_PRUNE

    def written(self, database: sqlite3.Connection, events: int, progress: int) -> None:
        """Count events that the open transaction has written, and prune if it is time. Raises sqlite3.Error."""
        self._events += events
        self._progress += progress
        if self._events >= PRUNE_EVERY:
            self._events = 0
            prune_events(database)
        if self._progress >= PRUNE_EVERY:
            self._progress = 0
            database.execute(SQL["prune_progress"], (PROGRESS_KEPT,))


def prune_events(database: sqlite3.Connection) -> None:
    """Delete the events beyond EVENTS_KEPT whose jobs are forgotten. Raises sqlite3.Error."""
    boundary = database.execute(SQL["nth_newest_event"], (EVENTS_KEPT,)).fetchone()
    if boundary is not None:
        database.execute(SQL["raise_horizon"], boundary)
        database.execute(SQL["prune_events"], boundary)
