# Made from async_methods/steering.py by `make generate`: change that file.
"""Requests that do something to one job."""

from __future__ import annotations

from collections.abc import Sequence

from luzia_protocol import operating, replies, requests

from luzia_client.asking import CLEAN_TIMEOUT_S, several
from luzia_client.calling import Calling


class Steering(Calling):
    """Requests that do something to one job."""

    def cancel(self, job: str) -> replies.Changed:
        """End a job and its whole process tree; returns at once."""
        return self._ask(requests.Cancel(job=job), replies.Changed)

    def pause(self, job: str) -> replies.Changed:
        """Let nothing of a running job run until it is resumed."""
        return self._ask(requests.Pause(job=job), replies.Changed)

    def resume(self, job: str) -> replies.Changed:
        """Let a paused job run on."""
        return self._ask(requests.Resume(job=job), replies.Changed)

    def hold(self, job: str) -> replies.Changed:
        """Keep a queued job from starting until it is released."""
        return self._ask(operating.Hold(job=job), replies.Changed)

    def release(self, job: str) -> replies.Changed:
        """Let a job start that was held."""
        return self._ask(operating.Release(job=job), replies.Changed)

    def retry(self, job: str, fresh: bool = False) -> replies.Changed:
        """Queue a final job again, or let a queued one start now. fresh: without the agent's session."""
        return self._ask(requests.Retry(job=job, fresh=fresh), replies.Changed)

    def send(self, job: str, message: str) -> replies.Changed:
        """Say something more in the job's conversation, after its attempt."""
        return self._ask(requests.Send(job=job, message=message), replies.Changed)

    def answer(self, job: str, words: str | Sequence[str], question: str | None = None) -> replies.Changed:
        """Answer what a job's agent asks; when this returns the agent has it."""
        return self._ask(requests.Answer(job=job, words=several(words), question=question), replies.Changed)

    def progress(
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
        return self._ask(request, replies.Changed)

    def clean(self, job: str, dry_run: bool = False) -> replies.Cleaned:
        """Delete a final job's worktree and its branch, unless work would be lost; `dry_run` only looks."""
        return self._ask(requests.Clean(job=job, dry_run=dry_run), replies.Cleaned, CLEAN_TIMEOUT_S)

    def remove(self, job: str) -> replies.Changed:
        """Forget a final job and delete its files."""
        return self._ask(requests.Remove(job=job), replies.Changed, CLEAN_TIMEOUT_S)
