"""Tells the service manager what the daemon is doing, for `systemctl status`."""

from __future__ import annotations

import asyncio
import os

from luziad.jobs.observer import JobObserver
from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable
from luziad.server.systemd import notify

DELAY_S = 1.0
"""After a change, so that many changes are one message."""


class ServiceStatus(JobObserver):
    """Sends the numbers of jobs that have not ended. Without a service manager it does nothing."""

    def __init__(self, table: JobTable) -> None:
        self._table = table
        self._has_manager = "NOTIFY_SOCKET" in os.environ
        self._timer: asyncio.TimerHandle | None = None

    def job_changed(self, record: JobRecord) -> None:
        """Send the numbers soon."""
        if self._has_manager and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY_S, self.send)

    def send(self) -> None:
        """Send the numbers now."""
        self._timer = None
        counts = [f"{number} {state.value}" for state, number in self._table.counts().items() if not state.is_final]
        notify(f"STATUS=Jobs: {', '.join(counts)}" if counts else "STATUS=Idle")

    def close(self) -> None:
        """Send nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        self._has_manager = False
