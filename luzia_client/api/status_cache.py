"""What a client remembers of the jobs that it has asked about."""

from __future__ import annotations

import time
from itertools import islice

from luzia_protocol.jobs import Job

from luzia_client.api import settings

_MOST = 1000


class StatusCache:
    """Answers to `status`, for as long as LUZIA_CACHE_TTL says. Raises SettingsError when that makes no sense."""

    def __init__(self) -> None:
        self._ttl_s = settings.cache_ttl_s()
        self._known: dict[str, tuple[float, Job]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def fresh(self, job: str) -> Job | None:
        """What was answered for `job`, when that is younger than the limit."""
        at, known = self._known.get(job, (0.0, None))
        return known if time.monotonic() - at < self._ttl_s else None

    def keep(self, job: str, answer: Job) -> None:
        """Remember an answer, and forget those that are too old to be told again."""
        now = time.monotonic()
        self._known.pop(job, None)
        for oldest in list(islice(self._known, 2)):  # more than come, so that none stays for long
            at, _ = self._known[oldest]
            if now - at >= self._ttl_s or len(self._known) >= _MOST:
                del self._known[oldest]
        self._known[job] = (now, answer)

    def clear(self) -> None:
        """Forget all: something has changed."""
        self._known.clear()
