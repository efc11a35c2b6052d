"""The keys that show something about a job on the full screen."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from luzia_protocol.jobs import Job

from luzia_client.cli.show.details import describe_job
from luzia_client.cli.show.reasons import explain_job
from luzia_client.cli.show.safe_output import SafeOutput
from luzia_client.hosts.job_ids import host_of
from luzia_client.hosts.settings import LOCAL
from luzia_client.trees import diff, worktree_of
from luzia_client.tui.shell.command_runner import run_for_output
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
            self._context.run(self._details(job))

    async def _details(self, job: Job) -> None:
        client, name = self._context.clients.of(job)
        details = describe_job(await client.get_job(name), datetime.now(UTC), self._context.screen())
        self._context.open(f"Job {job.id}", "\n".join(details))

    def show_why(self) -> None:
        """Show why the job waits, or how it ended."""
        if (job := self._context.job()) is not None:
            self._context.run(self._why(job))

    async def _why(self, job: Job) -> None:
        client, name = self._context.clients.of(job)
        told = explain_job(await client.why(name), datetime.now(UTC), self._context.screen())
        self._context.open(f"Why: job {job.id}", "\n".join(told))

    def show_diff(self) -> None:
        """Show the changes in the job's worktree."""
        if (job := self._context.job()) is not None:
            self._context.run(self._diff(job))

    async def _diff(self, job: Job) -> None:
        client, name = self._context.clients.of(job)
        self._context.say("Running git diff …")
        colour = self._context.screen().colour
        if host_of(job.id) == LOCAL:
            tree = worktree_of(await client.get_job(name))
            printed = await asyncio.to_thread(diff.diff_text, tree, colour=colour, max_bytes=MAX_DIFF_BYTES)
        else:
            printed = await run_for_output(["diff", job.id], MAX_DIFF_BYTES)
        safe = SafeOutput(colour)
        text = safe.feed(printed) + safe.end()
        if len(printed) == MAX_DIFF_BYTES:
            text += f"\n… cut; show all: luzia diff {job.id}"
        self._context.say("")
        self._context.open(f"Changes of job {job.id}", text or "No changes.")
