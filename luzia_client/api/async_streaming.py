"""The methods of AsyncClient for long-running requests, which survive a restart of the daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from luzia_protocol import replies, requests
from luzia_protocol.events import Event

from luzia_client.api import streams
from luzia_client.api.async_methods.reading import AsyncReading
from luzia_client.api.requests import Encoding, Render, StreamName, is_whole_id, several


class AsyncStreaming(AsyncReading):
    """Streams and waits."""

    async def follow(
        self,
        job: str,
        attempt: int | None = None,
        stream: StreamName = "stdout",
        offset: int = 0,
        tail: int | None = None,
        encoding: Encoding = "text",
        render: Render = "none",
    ) -> AsyncIterator[replies.Output | replies.FollowEnd]:
        """An attempt's output as it comes, and at last a FollowEnd. A restart of the daemon loses and doubles no byte.

        attempt: its number, from 1; None is the newest, or the first one when none has begun yet.
        stream, offset, tail, encoding, render: those of `logs`.

        Raises Refused as `logs` does, and DaemonUnreachableError when no daemon has answered for `reconnect_s` seconds.
        """
        request = requests.Follow(
            job=await self._fixed(job),
            attempt=attempt,
            stream=stream,
            offset=offset,
            tail=tail,
            encoding=encoding,
            render=render,
        )
        following: streams.Stream[replies.Output | replies.FollowEnd] = streams.Following(request)
        async with aclosing(self._stream(following)) as items:
            async for item in items:
                yield item

    async def wait(self, jobs: str | Sequence[str], timeout_s: float | None = None) -> replies.WaitResult:
        """Return the jobs when all of them are final, or when the time is over; goes on after a restart of the daemon.

        jobs: one id or up to 10,000. timeout_s: at most so many seconds; None waits for ever, and 0 only looks.
        The answer has the jobs in the order asked, and `timed_out` when some are not final.

        Raises Refused: `unknown_job`, and DaemonUnreachableError when no daemon has answered for `reconnect_s` seconds.
        """
        waiting = streams.Waiting([await self._fixed(job) for job in several(jobs)], timeout_s)
        async with aclosing(self._stream(waiting)) as answer:
            return await anext(answer)

    async def subscribe(
        self,
        after: int | None = None,
        jobs: str | Sequence[str] = (),
        projects: str | Sequence[str] = (),
        kinds: str | Sequence[str] = (),
    ) -> AsyncIterator[Event]:
        """Events for ever, each once and in order; a restart of the daemon loses and doubles none.

        after: the last `seq` that is known, so that what came since is told first; None begins with what happens
        after the first item was asked for.
        jobs, projects, kinds: keep only events of these; none given keeps all.

        Raises Refused: `events_expired` when `after` is too long ago, and DaemonUnreachableError when no daemon has
        answered for `reconnect_s` seconds.
        """
        if after is None:
            after = (await self.list_jobs(limit=1)).seq
        request = requests.Subscribe(
            after=after,
            jobs=[await self._fixed(job) for job in several(jobs)],
            projects=several(projects),
            kinds=several(kinds),
        )
        subscribing: streams.Stream[Event] = streams.Subscribing(request)
        async with aclosing(self._stream(subscribing)) as events:
            async for event in events:
                yield event

    async def _fixed(self, job: str) -> str:
        """The job's whole id: a part of one, or `@last`, may mean another job after a reconnection."""
        return job if is_whole_id(job) else (await self.get_job(job)).id
