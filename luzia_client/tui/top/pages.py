"""The keys that show something about a job on the full screen."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from luzia_client.cli.show.details import describe_job
from luzia_client.cli.show.reasons import explain_job
from luzia_client.cli.show.safe_output import SafeOutput
from luzia_client.trees import diff, worktree_of
from luzia_client.tui.top.context import Context
from luzia_client.tui.top.keys import KEYS

MAX_DIFF_BYTES = 4 * 1024 * 1024


class Pages:
    """Each method is the effect of a key that has its name in keys.py."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def show_help(self) -> None:
        """Show all keys."""
        self._context.open("Keys of luzia top", KEYS.format_help())

    def show_details(self) -> None:
        """Show the details of the job."""
        if (job := self._context.job()) is not None:
            self._context.run(self._details(job.id))

    async def _details(self, name: str) -> None:
        job = await self._context.client.get_job(name)
        details = describe_job(job, datetime.now(UTC), self._context.screen())
        self._context.open(f"Job {job.id}", "\n".join(details))

    def show_why(self) -> None:
        """Show why the job waits, or how it ended."""
        if (job := self._context.job()) is not None:
            self._context.run(self._why(job.id))

    async def _why(self, name: str) -> None:
        told = await self._context.client.why(name)
        self._context.open(f"Why: job {name}", "\n".join(explain_job(told, datetime.now(UTC), self._context.screen())))

    def show_diff(self) -> None:
        """Show the changes in the job's worktree."""
        if (job := self._context.job()) is not None:
            self._context.run(self._diff(job.id))

    async def _diff(self, name: str) -> None:
        tree = worktree_of(await self._context.client.get_job(name))
        self._context.say("Running git diff …")
        colour = self._context.screen().colour
        printed = await asyncio.to_thread(diff.diff_text, tree, colour=colour, max_bytes=MAX_DIFF_BYTES)
        safe = SafeOutput(colour)
        text = safe.feed(printed) + safe.end()
        if len(printed) == MAX_DIFF_BYTES:
            text += f"\n… cut; show all: luzia diff {name}"
        self._context.say("")
        self._context.open(f"Changes of job {name}", text or "No changes.")
