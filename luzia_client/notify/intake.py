"""Listens to the daemon's events and puts notices into the outbox."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from luzia_protocol import events
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job, Outcome
from luzia_protocol.replies import DaemonInfo

from luzia_client.api.async_client import AsyncClient
from luzia_client.notify import notices
from luzia_client.notify.delivery import send_notices
from luzia_client.notify.names import Mistake, find_mistakes
from luzia_client.notify.notices import Notice
from luzia_client.notify.outbox import Outbox
from luzia_client.notify.rules import Posting, postings
from luzia_client.notify.settings import Settings, Subject
from luzia_client.transport.endpoint import DaemonUnreachableError
from luzia_client.trees import WorktreeError
from luzia_client.trees.diff import changed_files

KINDS: tuple[events.EventKind, ...] = ("ended", "requeued", "asked", "collision", "starting")
FIRST_DELAY_S, LONGEST_DELAY_S = 0.05, 2.0
GIT_S = 5.0
"""How long a notice waits for git to count what a job has changed."""

OUTBOX_DELAY_S = 5.0
"""How long it waits while the outbox cannot be written."""

STORAGE, OK = "storage", "ok"
"""The key of what the daemon has last said of its store, and its value when all is well."""

LIMITED = "limited:"
"""Before an agent's name: the key of when its account met a usage limit."""


class Intake:
    """Follows one daemon. wake: tells the delivery which targets have new notices."""

    def __init__(self, socket: str, settings: Settings, outbox: Outbox, wake: Callable[[set[str]], None]) -> None:
        self._client = AsyncClient(socket, autostart=False, reconnect_s=0.01)
        self._settings = settings
        self._outbox = outbox
        self._wake = wake
        self._warned: set[Mistake] = set()
        self._wants_empty = any("queue_empty" in rule.events or not rule.events for rule in settings.rules)

    async def run(self) -> None:
        """Follow the daemon, and after a restart the next one."""
        delay_s = FIRST_DELAY_S
        while True:
            try:
                info = await self._client.get_info()
                await self._warn()
                await self._greet(info)
                delay_s = FIRST_DELAY_S
                await self._follow()
            except DaemonUnreachableError:
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, LONGEST_DELAY_S)
            except sqlite3.OperationalError as exc:  # the cursor has not moved: nothing is lost
                print(f"luzia: cannot write {self._outbox.path}: {exc}; trying again", file=sys.stderr)
                await asyncio.sleep(OUTBOX_DELAY_S)

    async def watch_storage(self) -> None:
        """Tell that the job store cannot be written, and that it can be written again."""
        known, delay_s = self._outbox.value(STORAGE) or OK, FIRST_DELAY_S
        while True:
            try:
                storage = (await self._client.get_info(unless_storage=known)).storage
            except DaemonUnreachableError:
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, LONGEST_DELAY_S)
                continue
            if storage == known:
                await asyncio.Event().wait()  # an older daemon, which does not know how to tell
            delay_s = FIRST_DELAY_S
            if known == OK or storage == OK:
                await self._tell_storage(storage)
            known = storage

    async def _tell_storage(self, storage: str) -> None:
        now = datetime.now(UTC)
        subject: Subject = "store_recovered" if storage == OK else "store_trouble"
        notice = notices.of_daemon(subject, now.isoformat(), now, "" if storage == OK else storage)
        try:
            self._take([notice], **{STORAGE: storage})
        except sqlite3.OperationalError:  # the outbox may be on the disk that is full
            for posting in postings(self._settings, notice, datetime.now()):  # noqa: DTZ005
                result = await send_notices(self._settings.targets[posting.target], [notice])
                if result.error:
                    print(f"luzia: {posting.target}: {result.error}", file=sys.stderr)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    async def _greet(self, info: DaemonInfo) -> None:
        """Notice that it is another daemon. The first start of all begins with what happens from now on."""
        daemon = f"{info.pid} {info.started_at.isoformat()}"
        known = self._outbox.value("daemon")
        if known == daemon:
            return
        told = [] if known is None else [notices.of_daemon("daemon_restarted", daemon, info.started_at)]
        values = {"daemon": daemon}
        if self._outbox.value("seq") is None:
            values["seq"] = str(info.seq)
        self._take(told, **values)

    async def _warn(self) -> None:
        """Say which rules name what the daemon does not know; it may know it later."""
        for mistake in await find_mistakes(self._settings, self._client):
            if mistake not in self._warned:
                self._warned.add(mistake)
                print(f"luzia: {mistake.message}\n  {mistake.hint}", file=sys.stderr, flush=True)

    async def _follow(self) -> None:
        after = int(self._outbox.value("seq") or 0)
        try:
            async for event in self._client.subscribe(after=after, kinds=KINDS):
                await self._take_event(event)
        except Refused as refused:
            if refused.code is not ErrorCode.EVENTS_EXPIRED:
                raise
            oldest = refused.oldest_seq or (await self._client.list_jobs(limit=1)).seq + 1
            reason = f"`luzia notify` was away for too long: some events before {oldest} are no longer stored"
            notice = notices.of_daemon("missed", str(oldest), datetime.now(UTC), reason)
            self._take([notice], seq=str(oldest - 1))

    async def _take_event(self, event: events.Event) -> None:
        told: list[Notice] = []
        values: dict[str, str | None] = {"seq": str(event.seq)}
        match event:
            case events.Ended() | events.Requeued():
                if event.outcome is Outcome.USAGE_LIMITED and self._outbox.value(f"{LIMITED}{event.agent}"):
                    pass  # the limit has been told
                else:
                    job = await self._job(event.job)
                    changes = await _changes(job) if isinstance(event, events.Ended) else ""
                    notice = notices.of_end(event, job, self._settings.link, changes)
                    told += [notice] if notice is not None else []
                if event.outcome is Outcome.USAGE_LIMITED:
                    values[f"{LIMITED}{event.agent}"] = event.at.isoformat()
                if isinstance(event, events.Ended) and self._wants_empty and await self._is_empty(event):
                    told.append(notices.of_daemon("queue_empty", str(event.seq), event.at))
            case events.QuestionAsked():
                told.append(notices.of_question(event, event.question, await self._job(event.job), self._settings.link))
            case events.Collided() if not event.again:
                told.append(notices.of_collision(event, await self._job(event.job), self._settings.link))
            case events.Starting() if self._outbox.has(LIMITED):
                job = await self._job(event.job)
                if job is not None and self._outbox.value(f"{LIMITED}{job.agent}"):
                    values[f"{LIMITED}{job.agent}"] = None
                    told.append(notices.of_agent("limit_over", str(event.seq), event.at, job.agent))
        self._take(told, **values)

    async def _job(self, job: str) -> Job | None:
        try:
            return await self._client.get_job(job)
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_JOB:
                raise
            return None

    async def _is_empty(self, event: events.Ended) -> bool:
        """Whether this was the last unfinished job, and nothing has happened since."""
        page = await self._client.list_jobs(limit=1)
        return page.seq == event.seq and not any(count for state, count in page.counts.items() if not state.is_final)

    def _take(self, told: list[Notice], **values: str | None) -> None:
        now = datetime.now()  # noqa: DTZ005 - naive local time, whose days have the offsets of their own
        found: list[tuple[Notice, Posting]] = [
            (notice, posting) for notice in told for posting in postings(self._settings, notice, now)
        ]
        self._outbox.take(found, time.time(), **values)
        self._wake({posting.target for _, posting in found})


async def _changes(job: Job | None) -> str:
    """What the job has changed in its worktree; empty without one, or when git cannot say it in time."""
    if job is None or job.worktree is None:
        return ""
    try:
        files = await asyncio.wait_for(asyncio.to_thread(changed_files, job.worktree), GIT_S)
    except (WorktreeError, TimeoutError):
        return ""  # the notice matters more
    return notices.format_changes(files)
