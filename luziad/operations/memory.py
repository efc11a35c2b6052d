"""How much memory the daemon may still take, where the system limits its address space."""

from __future__ import annotations

import ctypes
import os
import resource
import threading

from luzia_protocol.errors import ErrorCode, Refused

RESERVED_BYTES = 80 * 1024 * 1024
"""What the daemon needs for the jobs that it has: to commit, show, and run them."""
_HINT = "Wait for jobs to end, or raise the limit: `ulimit -v`, or LimitAS= of the service."


_M_ARENA_MAX = -8
_STACK_BYTES = 1024 * 1024


class AddressSpace:
    """The limit of the daemon's address space (RLIMIT_AS), which it has from its start.

    Create it before the first thread: without a limit, threads reserve much more than they use, 64 MiB each for their
    memory (mallopt(3)) and 8 MiB for their stack.
    """

    def __init__(self) -> None:
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        self._limit = None if limit == resource.RLIM_INFINITY else limit
        if self._limit is not None:
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
            threading.stack_size(_STACK_BYTES)

    def require_room(self) -> None:
        """Raise Refused (OVERLOADED) when the daemon would soon get no more memory."""
        if self._limit is None:
            return
        used = _size_bytes()
        if used + RESERVED_BYTES > self._limit:
            message = f"the daemon uses {used} bytes of its address space, which is limited to {self._limit}"
            raise Refused(ErrorCode.OVERLOADED, message, _HINT)


def _size_bytes() -> int:
    with open("/proc/self/statm", "rb", buffering=0) as file:
        return int(file.read(64).split()[0]) * os.sysconf("SC_PAGE_SIZE")
