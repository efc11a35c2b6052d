# Made from async_methods/reading.py by `make generate`: change that file.
"""Requests that look at jobs and change nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from luzia_protocol import replies, requests
from luzia_protocol.jobs import Job, JobState, SortKey

from luzia_client.api.calling import Calling
from luzia_client.api.requests import Encoding, Render, StreamName, several


class Reading(Calling):
    """Requests that look at jobs and change nothing."""

    def get_job(self, job: str, use_cache: bool = False) -> Job:
        """Everything about one job.

        job: its id, a part of it that only one job has, `agent:PROJECT:ID`, or `@last`.
        use_cache: an answer from memory will do when it is younger than LUZIA_CACHE_TTL seconds (1 if that is not set).
        Without it the daemon is asked.

        Raises Refused: `unknown_job`, `ambiguous_job`.
        """
        known = self._cache.fresh(job) if use_cache else None
        if known is None:
            answer = self._ask(requests.Status(job=job), replies.StatusResult)
            known = answer.job
            self._cache.keep(job, known)
        return known

    def list_jobs(
        self,
        projects: str | Sequence[str] = (),
        states: JobState | Sequence[JobState] = (),
        limit: int = 50,
        cursor: int | None = None,
        tags: Mapping[str, str] | None = None,
        parent: str | None = None,
        since: datetime | None = None,
        sort: SortKey = "created",
        reverse: bool = False,
    ) -> replies.JobPage:
        """A page of jobs, newest first unless `sort` says otherwise, with counts by state.

        projects, states, tags: keep only jobs of these projects, in these states, that have all these tags.
        parent: keep only sub-jobs of this one. since: keep only jobs that were dispatched then or later; aware.
        sort: moments and quantities from the largest, words from A; reverse: the other way round.
        limit: jobs in the page, 1 to 1000. cursor: the `next` of the page before, None for the first.

        A job in a list has the first 256 characters of its task, and no attempts: `status` has it whole.
        """
        request = requests.List(
            projects=several(projects),
            states=[states] if isinstance(states, JobState) else [*states],
            limit=limit,
            cursor=cursor,
            tags=dict(tags or {}),
            parent=parent,
            since=since,
            sort=sort,
            reverse=reverse,
        )
        return self._ask(request, replies.JobPage)

    def iter_jobs(
        self,
        projects: str | Sequence[str] = (),
        states: JobState | Sequence[JobState] = (),
        page: int = 500,
        tags: Mapping[str, str] | None = None,
        parent: str | None = None,
    ) -> Iterator[Job]:
        """All jobs, newest first, fetched `page` at a time while the iterator is used.

        projects, states, tags, parent: those of `list`.
        """
        cursor: int | None = None
        while True:
            listed = self.list_jobs(projects, states, limit=page, cursor=cursor, tags=tags, parent=parent)
            yield from listed.jobs
            cursor = listed.next
            if cursor is None:
                return

    def read_output(
        self,
        job: str,
        attempt: int | None = None,
        stream: StreamName = "stdout",
        offset: int = 0,
        tail: int | None = None,
        max_bytes: int = 256 * 1024,
        encoding: Encoding = "text",
        render: Render = "none",
    ) -> replies.Output:
        """A piece of an attempt's output.

        attempt: its number, from 1; None is the newest. stream: `stdout` or `stderr`.
        offset: where to begin, in bytes; the answer's `next_offset` is where the next piece begins.
        tail: begin at the last so many lines instead. max_bytes: at most so much, 1 to 1,048,576.
        encoding: `text` replaces what is no UTF-8, `base64` is exact.
        render: `text` or `colour` asks for a transcript of what an agent did, where there is one (`rendered` says so).

        Raises Refused: `unknown_job`, `unknown_attempt`.
        """
        request = requests.Logs(
            job=job,
            attempt=attempt,
            stream=stream,
            offset=offset,
            tail=tail,
            max_bytes=max_bytes,
            encoding=encoding,
            render=render,
        )
        return self._ask(request, replies.Output)

    def get_graph(self, job: str) -> replies.JobGraph:
        """The jobs that come before and after a job, however far, parents first; at most 1000.

        Raises Refused: `unknown_job`, `ambiguous_job`.
        """
        return self._ask(requests.GraphShow(job=job), replies.JobGraph)
