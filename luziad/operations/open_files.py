"""Raises the limit of open files, so that connections are refused by luzia's own limit first."""

from __future__ import annotations

import logging
import resource

log = logging.getLogger("luziad.open_files")

DAEMON_FILES = 192
"""Files of the daemon itself: store, logs, pipes, the loop, files read by its threads, connections to be refused."""
FILES_PER_ATTEMPT = 2
MIN_CONNECTIONS = 16


def raise_limit(connections: int, attempts: int) -> int:
    """Raise the soft limit of open files for this many connections and attempts, as far as the hard limit allows.

    Returns how many connections fit into the limit.
    """
    needed = DAEMON_FILES + connections + FILES_PER_ATTEMPT * attempts
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return connections
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        log.warning(
            "open_files_limited allowed=%d needed=%d remedy=%r", allowed, needed, "raise LimitNOFILE or ulimit -n"
        )
    return max(MIN_CONNECTIONS, connections - (needed - allowed))
