"""Requests that do something to one job."""

from __future__ import annotations

from collections.abc import Sequence

from luzia_protocol import operating, replies, requests

from luzia_client.asking import CLEAN_TIMEOUT_S, several
from luzia_client.async_calling import AsyncCalling


class AsyncSteering(AsyncCalling):
    """Requests that do something to one job."""

    async def cancel(self, job: str) -> replies.Changed:
        """End a job and its whole process tree; returns at once."""
        return await self._ask(requests.Cancel(job=job), replies.Changed)

    async def pause(self, job: str) -> replies.Changed:
        """Let nothing of a running job run until it is resumed."""
        return await self._ask(requests.Pause(job=job), replies.Changed)

    async def resume(self, job: str) -> replies.Changed:
        """Let a paused job run on."""
        return await self._ask(requests.Resume(job=job), replies.Changed)

    async def hold(self, job: str) -> replies.Changed:
        """Keep a queued job from starting until it is released."""
        return await self._ask(operating.Hold(job=job), replies.Changed)

    async def release(self, job: str) -> replies.Changed:
        """Let a job start that was held."""
        return await self._ask(operating.Release(job=job), replies.Changed)

    async def retry(self, job: str, fresh: bool = False) -> replies.Changed:
        """Queue a final job again, or let a queued one start now. fresh: without the agent's session."""
        return await self._ask(requests.Retry(job=job, fresh=fresh), replies.Changed)

    async def send(self, job: str, message: str) -> replies.Changed:
        """Say something more in the job's conversation, after its attempt."""
        return await self._ask(requests.Send(job=job, message=message), replies.Changed)

    async def answer(self, job: str, words: str | Sequence[str], question: str | None = None) -> replies.Changed:
        """Answer what a job's agent asks; when this returns the agent has it."""
        return await self._ask(requests.Answer(job=job, words=several(words), question=question), replies.Changed)

    async def progress(
        self,
        job: str,
        percent: float | None = None,
        done: float | None = None,
        total: float | None = None,
        label: str | None = None,
        phase: str | None = None,
    ) -> replies.Changed:
        """Tell how far a running job is."""
        request = requests.ReportProgress(job=job, percent=percent, done=done, total=total, label=label, phase=phase)
        return await self._ask(request, replies.Changed)

    async def clean(self, job: str, dry_run: bool = False) -> replies.Cleaned:
        """Delete a final job's worktree and its branch, unless work would be lost; `dry_run` only looks."""
        return await self._ask(requests.Clean(job=job, dry_run=dry_run), replies.Cleaned, CLEAN_TIMEOUT_S)

    async def remove(self, job: str) -> replies.Changed:
        """Forget a final job and delete its files."""
        return await self._ask(requests.Remove(job=job), replies.Changed, CLEAN_TIMEOUT_S)
