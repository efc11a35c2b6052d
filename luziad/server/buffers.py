"""Limits what all connections together keep in memory: replies that are not read, and incomplete requests."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple, Protocol

log = logging.getLogger("luziad.buffers")

MAX_BUFFERED_BYTES = 64 * 1024 * 1024
"""What all connections together may keep."""
SMALL_BYTES = 64 * 1024
"""A connection that keeps no more than this is not counted."""


class Buffering(Protocol):
    """A connection, as far as its buffers matter."""

    @property
    def buffered(self) -> int:
        """Bytes that it keeps."""

    def give_up(self) -> None:
        """Close the connection and free its buffers."""


class _Kept(NamedTuple):
    """size: bytes. since: when the peer last read or completed something."""

    size: int
    since: float


class Buffers:
    """Counts what connections keep. Above the limit it gives up those that keep much, and have done so for long.

    freed: called when a connection is closed that has kept much.
    """

    def __init__(self, freed: Callable[[], None], limit: int = MAX_BUFFERED_BYTES) -> None:
        self._freed = freed
        self._limit = limit
        self._large: set[Buffering] = set()
        self._kept: dict[Buffering, _Kept] = {}
        self._total = 0

    def update(self, connection: Buffering) -> None:
        """Count what the connection keeps now. Call it when that may have become more."""
        self._count(connection)
        if connection in self._kept:
            self._large.add(connection)
        if self._total <= self._limit:
            return
        for each in list(self._kept):
            self._count(each)
        while self._total > self._limit:
            self._give_up_one()

    def forget(self, connection: Buffering) -> None:
        """The connection is closed."""
        self._drop(connection)
        if connection in self._large:
            self._large.remove(connection)
            self._freed()

    def _drop(self, connection: Buffering) -> None:
        kept = self._kept.pop(connection, None)
        if kept is not None:
            self._total -= kept.size

    def _count(self, connection: Buffering) -> None:
        size = connection.buffered
        before = self._kept.get(connection)
        self._drop(connection)
        if size > SMALL_BYTES:
            since = monotonic() if before is None or size < before.size else before.since
            self._kept[connection] = _Kept(size, since)
            self._total += size

    def _give_up_one(self) -> None:
        now = monotonic()
        worst = max(self._kept, key=lambda each: self._kept[each].size * (now - self._kept[each].since))
        log.warning("connection_given_up bytes=%d age_s=%.1f", self._kept[worst].size, now - self._kept[worst].since)
        self._drop(worst)
        worst.give_up()
