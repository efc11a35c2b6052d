"""Requests that do something to one job."""

from __future__ import annotations

from collections.abc import Sequence

from luzia_protocol import operating, replies, requests

from luzia_client.api.async_calling import AsyncCalling
from luzia_client.api.requests import CLEAN_TIMEOUT_S, several


class AsyncSteering(AsyncCalling):
    """Requests that do something to one job."""

    async def cancel(self, job: str) -> replies.JobChange:
        """End a job and its whole process tree: TERM, and KILL after a while.

        Returns at once; `wait` waits for the end.

        Raises Refused: `unknown_job`, `job_final`.
        """
        return await self._ask(requests.Cancel(job=job), replies.JobChange)

    async def pause(self, job: str) -> replies.JobChange:
        """Let nothing of a running job run until it is resumed; it keeps its slot.

        Raises Refused: `unknown_job`, `job_not_running`.
        """
        return await self._ask(requests.Pause(job=job), replies.JobChange)

    async def resume(self, job: str) -> replies.JobChange:
        """Let a paused job run on.

        Raises Refused: `unknown_job`, `job_not_running`.
        """
        return await self._ask(requests.Resume(job=job), replies.JobChange)

    async def hold(self, job: str) -> replies.JobChange:
        """Keep a queued job from starting until it is released; asking twice is harmless.

        Raises Refused: `unknown_job`, `job_not_queued`.
        """
        return await self._ask(operating.Hold(job=job), replies.JobChange)

    async def release(self, job: str) -> replies.JobChange:
        """Let a job start that was held; harmless when it was not.

        Raises Refused: `unknown_job`, `job_not_queued`.
        """
        return await self._ask(operating.Release(job=job), replies.JobChange)

    async def retry(self, job: str, fresh: bool = False) -> replies.JobChange:
        """Queue a final job again for its next attempt, or let a queued one start now.

        fresh: run the task from the start, also where the agent could go on with its session.

        Raises Refused: `unknown_job`, `job_not_final`.
        """
        return await self._ask(requests.Retry(job=job, fresh=fresh), replies.JobChange)

    async def send_message(self, job: str, message: str) -> replies.JobChange:
        """Say something more in the conversation of a job: an attempt after the one that runs, or ran, goes on from it.

        Raises Refused: `unknown_job`, `no_session`, `invalid_task`.
        """
        return await self._ask(requests.Send(job=job, message=message), replies.JobChange)

    async def answer_question(
        self, job: str, words: str | Sequence[str], question: str | None = None
    ) -> replies.JobChange:
        """Answer what the agent of a job in `waiting` asks; when this returns, the agent has it.

        words: `allow`, or `deny` and what to tell the agent, for a permission; for a question one text for each of its
        parts, of which a number stands for the option of that number.
        question: the question's id; None is the one that was asked first.

        Raises Refused: `unknown_job`, `job_not_waiting`, `not_delivered`.
        """
        return await self._ask(requests.Answer(job=job, words=several(words), question=question), replies.JobChange)

    async def report_progress(
        self,
        job: str,
        percent: float | None = None,
        done: float | None = None,
        total: float | None = None,
        label: str | None = None,
        phase: str | None = None,
    ) -> replies.JobChange:
        """Tell how far a running job is, mostly from inside of it.

        percent: 0 to 100, short for `done` of a `total` of 100. label: what the job says that it is doing, or what the
        numbers count. phase: the step that it is in.

        Raises Refused: `unknown_job`, `job_not_running`.
        """
        request = requests.ReportProgress(job=job, percent=percent, done=done, total=total, label=label, phase=phase)
        return await self._ask(request, replies.JobChange)

    async def clean_worktree(self, job: str, dry_run: bool = False) -> replies.CleanResult:
        """Delete a final job's git worktree and its branch, unless work would be lost.

        dry_run: only say what would become of it. The answer says `removed`, or `why` it is kept.

        Raises Refused: `unknown_job`, `job_not_final`, `no_worktree`.
        """
        return await self._ask(requests.Clean(job=job, dry_run=dry_run), replies.CleanResult, CLEAN_TIMEOUT_S)

    async def remove(self, job: str) -> replies.JobChange:
        """Forget a final job and delete its files; a git worktree of its own is cleaned first.

        Raises Refused: `unknown_job`, `job_not_final`, `worktree_kept`.
        """
        return await self._ask(requests.Remove(job=job), replies.JobChange, CLEAN_TIMEOUT_S)
