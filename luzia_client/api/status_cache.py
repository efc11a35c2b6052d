"""The jobs that a client has received lately."""

from __future__ import annotations

import time
from itertools import islice

from luzia_protocol.jobs import Job

from luzia_client.api import settings

_MAX_ENTRIES = 1000


class StatusCache:
    """Jobs by the name that they were requested with, for LUZIA_CACHE_TTL seconds. Raises SettingsError."""

    def __init__(self) -> None:
        self._ttl_s = settings.cache_ttl_s()
        self._entries: dict[str, tuple[float, Job]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, name: str) -> Job | None:
        """The job, unless it is too old."""
        at, found = self._entries.get(name, (0.0, None))
        return found if time.monotonic() - at < self._ttl_s else None

    def put(self, name: str, job: Job) -> None:
        """Store a job, and drop old entries."""
        now = time.monotonic()
        self._entries.pop(name, None)
        for oldest in list(islice(self._entries, 2)):  # faster than they are added
            at, _ = self._entries[oldest]
            if now - at >= self._ttl_s or len(self._entries) >= _MAX_ENTRIES:
                del self._entries[oldest]
        self._entries[name] = (now, job)

    def clear(self) -> None:
        """Drop all entries, because a job may have changed."""
        self._entries.clear()
