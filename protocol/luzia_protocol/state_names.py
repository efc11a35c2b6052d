"""The names of the states of a job, as they are on the wire.

Apart from the enumeration in states.py, which takes as long to load as all else of `luzia jobs` together.
"""

from __future__ import annotations

QUEUED = "queued"
STARTING = "starting"
RUNNING = "running"
PAUSED = "paused"
WAITING = "waiting"
STOPPING = "stopping"
COMPLETED = "completed"
FAILED = "failed"
CANCELLED = "cancelled"
TIMED_OUT = "timed_out"
SKIPPED = "skipped"
LOST = "lost"

ACTIVE = (STARTING, RUNNING, PAUSED, WAITING, STOPPING)
"""Those with an attempt in progress."""
LIVE = (QUEUED, *ACTIVE)
FINAL = (COMPLETED, FAILED, CANCELLED, TIMED_OUT, SKIPPED, LOST)
"""Those of finished jobs; only a retry or a follow-up changes them."""
UNSUCCESSFUL = (FAILED, TIMED_OUT, LOST)
