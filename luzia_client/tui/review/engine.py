"""All that the screen needs of the daemon and of git, each as one coroutine that does not block the screen."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job, Worktree
from luzia_protocol.states import FINAL_STATES

from luzia_client.api.async_client import AsyncClient
from luzia_client.api.client import Client
from luzia_client.cli.show.text import format_quantity
from luzia_client.review.verified_merge import TAG, merge_verified
from luzia_client.trees import WorktreeError, worktree_of
from luzia_client.trees.diff import diff_text
from luzia_client.tui.review.changes import ChangedFile, CommentPlace, Hunk
from luzia_client.tui.review.entry import Work

MAX_DIFF_BYTES = 64 * 1024 * 1024


class Accepted(NamedTuple):
    """What was merged, in words. is_all: nothing is left to decide."""

    text: str
    is_all: bool


class ReviewEngine:
    """Decisions are carried out in threads, for git, with a connection each."""

    def __init__(self) -> None:
        self._client = AsyncClient(autostart=False)

    async def list_waiting(self, projects: Sequence[str]) -> list[Job]:
        """All jobs that wait for a decision."""
        return [job async for job in self._client.iter_jobs(projects, FINAL_STATES) if waits(job)]

    async def find_waiting(self, name: str) -> Job | None:
        """The job, if it waits for a decision."""
        try:
            job = await self._client.get_job(name)
        except Refused as refused:
            if refused.code is ErrorCode.UNKNOWN_JOB:
                return None
            raise
        return job if waits(job) else None

    async def read(self, job: Job) -> tuple[Job, Work]:
        """The job with all its details, and what it has changed."""
        job = await self._client.get_job(job.id)
        return job, await asyncio.to_thread(_read, worktree_of(job))

    async def accept(self, job: Job, work: Work, parts: Collection[tuple[int, int]]) -> Accepted:
        """Merge the work of a job, or parts of it."""
        return await asyncio.to_thread(self._accept, job, work, parts)

    def _accept(self, job: Job, work: Work, parts: Collection[tuple[int, int]]) -> Accepted:
        with Client(self._client.socket, autostart=False) as client:
            done = merge_verified(client, job, worktree_of(job), commit=True, message=None)
        return Accepted(f"merged {job.id} into {done.onto}: {format_quantity(done.commits, 'commit')}", True)

    async def send_back(self, job: Job, work: Work | None, words: str, comments: Mapping[CommentPlace, str]) -> None:
        """Resume the agent's session with words and comments on lines."""
        await self._client.send_message(job.id, words)

    async def send_conflict(self, job: Job) -> None:
        """Resume the agent's session to resolve the conflict with the branch in its worktree."""

    async def discard(self, job: Job) -> datetime | None:
        """Discard the work of a job; returns until when it is kept."""
        return (await self._client.discard(job.id)).kept_until

    async def restore(self, name: str) -> None:
        """Restore work that was discarded."""
        await self._client.restore_work(name)

    def is_conflict(self, exc: Exception) -> bool:
        """Whether a merge was refused because of a conflict."""
        return isinstance(exc, WorktreeError) and "conflicts with" in exc.message


def waits(job: Job) -> bool:
    """Whether the work of a job waits for a decision."""
    return job.state.is_final and job.worktree is not None and job.attached is None and TAG not in job.tags


def _read(tree: Worktree) -> Work:
    text = diff_text(tree, colour=False, max_bytes=MAX_DIFF_BYTES).decode(errors="replace")
    files: list[ChangedFile] = []
    for part in re.split(r"(?m)^diff --git ", text)[1:]:
        lines = part.split("\n")
        if lines[-1] == "":
            lines.pop()
        path = lines[0].rpartition(" b/")[2]
        old = next((line[12:] for line in lines[:6] if line.startswith("rename from ")), None)
        note = "binary file" if any(line.startswith("Binary files") for line in lines[:8]) else ""
        hunks = []
        starts = [number for number, line in enumerate(lines) if line.startswith("@@ ")]
        for begin, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            match = re.match(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)", lines[begin])
            assert match
            hunks.append(Hunk(int(match[1]), int(match[2]), match[3], lines[begin + 1 : end]))
        added = sum(line[:1] == "+" for hunk in hunks for line in hunk.lines)
        deleted = sum(line[:1] == "-" for hunk in hunks for line in hunk.lines)
        for number, hunk in enumerate(hunks):
            hunk.prepare(len(files), number)
        files.append(ChangedFile(path, old, None if note else added, None if note else deleted, note, hunks))
    return Work(files, hashlib.sha256(text.encode()).hexdigest(), tree.branch, tree.onto)
