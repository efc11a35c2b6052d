"""All that the screen needs of the daemon and of git, each as one coroutine that does not block the screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job

from luzia_client.api.async_client import AsyncClient
from luzia_client.api.client import Client
from luzia_client.cli.show.text import format_quantity
from luzia_client.review import decisions
from luzia_client.review.comments import Comment
from luzia_client.review.finished import FinishedWork, iter_finished, read_finished, verify_work
from luzia_client.review.pull_request import open_pull_request
from luzia_client.review.verification import TAG, Verification, describe_verification
from luzia_client.trees import WorktreeError, worktree_of
from luzia_client.trees.changes import read_changes
from luzia_client.trees.content import read_content
from luzia_client.trees.overlap import PlannedMerge, plan_merges
from luzia_client.trees.preview import preview_merge
from luzia_client.trees.selection import Selection
from luzia_client.tui.review.changes import ChangedFile, CommentPlace, prepare_file
from luzia_client.tui.review.entry import Work


class Accepted(NamedTuple):
    """What was merged, in words. is_all: nothing is left to decide."""

    text: str
    is_all: bool


class ReviewEngine:
    """Decisions are carried out in threads, for git, each with a connection of its own."""

    def __init__(self) -> None:
        self._client = AsyncClient(autostart=False)

    async def iter_waiting(self, projects: Sequence[str]) -> AsyncIterator[Job]:
        """All jobs that wait for a decision, as soon as it is known of each."""
        with self._connect() as client:
            found = iter_finished(client, projects=[*projects])
            while (job := await asyncio.to_thread(_next_job, found)) is not None:
                yield job

    async def find_waiting(self, name: str) -> tuple[str, Job | None]:
        """The id of a job, and the job if it waits for a decision; of a job that verifies, the one that is verified."""
        try:
            job = await self._client.get_job(name)
            if TAG in job.tags and job.argv is not None:
                job = await self._client.get_job(job.tags[TAG])
        except Refused as refused:
            if refused.code is ErrorCode.UNKNOWN_JOB:
                return name, None
            raise
        if not job.state.is_final or job.worktree is None or job.attached is not None:
            return job.id, None
        work = await asyncio.to_thread(read_finished, job)
        return job.id, job if work.files or work.problem else None

    async def get_job(self, name: str) -> Job:
        """A job with all its details."""
        return await self._client.get_job(name)

    async def read(self, job: Job) -> tuple[Job, Work]:
        """The job with all its details, and what it has changed."""
        job = await self._client.get_job(job.id)
        newest = (await self._client.list_jobs(tags={TAG: job.id}, sort="created", limit=1)).jobs
        return job, await asyncio.to_thread(_read, job, newest[0] if newest else None)

    async def accept(self, job: Job, work: Work, parts: Collection[tuple[int, int]]) -> Accepted:
        """Merge the work of a job, or parts of it, unless it has changed since it was read."""
        return await asyncio.to_thread(self._accept, job, work, parts)

    def _accept(self, job: Job, work: Work, parts: Collection[tuple[int, int]]) -> Accepted:
        if read_content(worktree_of(job))[0] != work.content:
            raise WorktreeError("the work has changed since it was shown", "Review it again.")
        selection = _select(work, parts)
        with self._connect() as client:
            done = decisions.accept(client, job, selection)
        what = format_quantity(done.commits, "commit") if selection is None else "what was marked"
        return Accepted(f"merged {what} of job {job.id} into {done.onto}", not done.files_left)

    async def open_pull_request(self, job: Job) -> str:
        """Open a pull request for all the work of a job; returns its address, which may be empty."""
        return await asyncio.to_thread(self._open_pull_request, job)

    def _open_pull_request(self, job: Job) -> str:
        with self._connect() as client:
            return open_pull_request(client, job, commit=True).url

    async def send_back(self, job: Job, work: Work | None, words: str, comments: Mapping[CommentPlace, str]) -> None:
        """Resume the agent's session with words and comments on lines."""
        placed = [] if work is None else [_comment(work, place, text) for place, text in comments.items()]
        await asyncio.to_thread(self._send_back, job, words, placed)

    def _send_back(self, job: Job, words: str, comments: Sequence[Comment]) -> None:
        with self._connect() as client:
            decisions.send_back(client, job, words, comments)

    async def send_conflict(self, job: Job) -> None:
        """Resume the agent's session to resolve the conflict with the branch in its worktree."""
        await asyncio.to_thread(self._send_conflict, job)

    def _send_conflict(self, job: Job) -> None:
        with self._connect() as client:
            decisions.send_conflict(client, job)

    async def verify(self, job: Job) -> Job | None:
        """Verify the result of a merge without merging; returns the job that did it, None if there is no command."""
        return await asyncio.to_thread(self._verify, job)

    def _verify(self, job: Job) -> Job | None:
        with self._connect() as client:
            return verify_work(client, job)

    async def plan_merges(self, jobs: Sequence[Job]) -> list[PlannedMerge]:
        """An order in which the work of the jobs can be merged, and what will conflict then."""
        newest_first = sorted(jobs, key=lambda job: job.created_at, reverse=True)
        return (await asyncio.to_thread(plan_merges, newest_first)).merges

    async def discard(self, job: Job) -> datetime | None:
        """Discard the work of a job; returns until when it is kept, None if there was nothing to keep."""
        return (await self._client.discard(job.id)).kept_until

    async def restore(self, name: str) -> None:
        """Restore work that was discarded."""
        await self._client.restore_work(name)

    def _connect(self) -> Client:
        return Client(self._client.socket, autostart=False)


def _next_job(found: Iterator[FinishedWork]) -> Job | None:
    """The job of the next work; None at the end."""
    work = next(found, None)
    return None if work is None else work.job


def _read(job: Job, verification: Job | None) -> Work:
    tree = worktree_of(job)
    changes, preview = read_changes(tree), preview_merge(tree)
    verified = None if verification is None else describe_verification(verification, preview.content)
    files = [prepare_file(number, file) for number, file in enumerate(changes.files)]
    return Work(
        files, changes.base, changes.content, tree.branch, tree.onto, preview.conflicts, _describe_verdict(verified)
    )


def _describe_verdict(verification: Verification | None) -> str:
    """`verify passed`, or empty."""
    if verification is None:
        return ""
    older = "" if verification.is_current else " before the last change"
    return f"verify {'is running' if verification.result == 'running' else verification.result}{older}"


def _select(work: Work, parts: Collection[tuple[int, int]]) -> Selection | None:
    """The marked hunks; None if nothing or everything is marked."""
    hunks: dict[str, set[int]] = {}
    files: set[str] = set()
    for number, file in enumerate(work.files):
        marked = {hunk for in_file, hunk in parts if in_file == number}
        if len(marked) == max(len(file.hunks), 1):
            files.add(file.path)
        elif marked:
            hunks[file.path] = {hunk + 1 for hunk in marked}
    if len(files) in (0, len(work.files)) and not hunks:
        return None
    return Selection(frozenset(files), {path: frozenset(numbers) for path, numbers in hunks.items()}, work.content)


def _comment(work: Work, place: CommentPlace, text: str) -> Comment:
    """A comment on a line of a file, of the old one if the line was deleted."""
    file: ChangedFile = work.files[place.file]
    old, new = file.hunks[place.hunk].numbers[place.line]
    if new is not None:
        return Comment(file.path, new, text)
    assert old is not None
    return Comment(file.old_path or file.path, old, text, old=True)
