"""Makes sure that connections are refused by luzia's own limit before the system's limit of open files is met."""

from __future__ import annotations

import logging
import resource

log = logging.getLogger("luziad.open_files")

OWN = 192
"""Files that the daemon has open for itself: store, logs, pipes, the loop, what its threads read, and connections that
it has only to refuse."""
FOR_AN_ATTEMPT = 2
FEWEST = 16


def allow(connections: int, attempts: int) -> int:
    """Raise the soft limit of open files to what so many connections and attempts need, as far as the hard one goes.

    Returns how many connections there is room for.
    """
    needed = OWN + connections + FOR_AN_ATTEMPT * attempts
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return connections
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        log.warning(
            "open_files_limited allowed=%d needed=%d remedy=%r", allowed, needed, "raise LimitNOFILE or ulimit -n"
        )
    return max(FEWEST, connections - (needed - allowed))
