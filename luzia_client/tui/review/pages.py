"""The keys that show a text on the full screen."""

from __future__ import annotations

from datetime import UTC, datetime

from luzia_client.cli.show.details import describe_job
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import harmless
from luzia_client.tui.review.context import Context
from luzia_client.tui.review.keys import KEYS


class Pages:
    """Each method is the effect of a key that has its name in keys.py."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def show_help(self) -> None:
        """Show all keys."""
        self._context.open("Keys of luzia review", KEYS.format_help())

    def show_details(self) -> None:
        """Show the task, the whole of the agent's last message, and the details of the job."""
        if (entry := self._context.entry()) is not None:
            self._context.run(self._show(entry.job.id))

    async def _show(self, name: str) -> None:
        job = await self._context.engine.get_job(name)
        message = (job.activity.last_message if job.activity else None) or ""
        parts = [job.task, "", *([message, ""] if message else [])]
        lines = [harmless(line) for part in parts for line in part.split("\n")]
        lines += describe_job(job, datetime.now(UTC), stdout_screen())
        self._context.open(f"Job {job.id}", "\n".join(lines))
