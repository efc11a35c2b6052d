"""Delivers the notices of the outbox: each target by a task of its own, so that a slow one holds up no other."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
import time

import msgspec

from luzia_client.notify import NotifyError, notices
from luzia_client.notify.answer_links import AnswerLinks
from luzia_client.notify.message import Message, Result
from luzia_client.notify.notices import Notice
from luzia_client.notify.outbox import Outbox, Row, backoff_s
from luzia_client.notify.sender import TIMEOUT_S
from luzia_client.notify.settings import Settings, Target, read_secret

BURST = 5
BURST_S = 60.0
"""More messages than that in that time become one digest."""

MAX_DIGEST = 500
"""Notices in one message."""

MAX_RETRY_AFTER_S = 3600.0

MARK_DELAY_S = 5.0
"""How long it waits before it tries again to write the outbox."""


class Delivery:
    """The tasks. `wake` after the outbox has changed. Raises NotifyError when links cannot be made."""

    def __init__(self, settings: Settings, outbox: Outbox) -> None:
        self._settings = settings
        answers = any(target.answers for target in settings.targets.values())
        self._links = AnswerLinks(settings.link) if answers else None
        self._outbox = outbox
        self._wakers: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._unmarked: dict[str, tuple[list[Row], Result]] = {}

    def start(self) -> None:
        """Start a task for each target."""
        for name, target in self._settings.targets.items():
            self._wakers[name] = asyncio.Event()
            self._tasks.append(asyncio.create_task(self._deliver_all(name, target)))

    async def stop(self) -> None:
        """Stop the tasks; what is being sent may arrive and be sent again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def join(self) -> None:
        """Wait for a task that fails. Raises why."""
        await asyncio.gather(*self._tasks)

    def wake(self, targets: set[str]) -> None:
        """There are new notices for these targets."""
        for name in targets & self._wakers.keys():
            self._wakers[name].set()

    async def _deliver_all(self, name: str, target: Target) -> None:
        waker = self._wakers[name]
        while True:
            waker.clear()
            try:
                self._mark(name)
                wait_s = await self._deliver_due(name, target)
            except sqlite3.OperationalError as exc:  # such as a full disk
                print(f"luzia: cannot write {self._outbox.path}: {exc}; trying again", file=sys.stderr)
                wait_s = MARK_DELAY_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(waker.wait(), wait_s)

    async def _deliver_due(self, name: str, target: Target) -> float | None:
        """Send what is due; returns the time until the next one in seconds, None without one."""
        while True:
            now = time.time()
            due = self._outbox.due(name, now)
            if not due:
                next_due = self._outbox.next_due(name)
                return None if next_due is None else max(next_due - now, 0.05)
            recent = self._outbox.messages_since(name, now - BURST_S)
            if len(recent) >= BURST:
                return max(recent[-BURST] + BURST_S - now, 0.05)
            together = len(recent) + len(due) > BURST or due[0].digest
            batch = due[:MAX_DIGEST] if together else due[:1]
            if due[0].digest:
                batch = [row for row in batch if row.digest]
            result = await send_notices(target, [row.notice for row in batch], self._links)
            self._unmarked[name] = (batch, result)
            self._mark(name)

    def _mark(self, name: str) -> None:
        """Record what has become of a message, before another one is sent to the target."""
        if name in self._unmarked:
            self._record(*self._unmarked[name])
            del self._unmarked[name]

    def _record(self, batch: list[Row], result: Result) -> None:
        now = time.time()
        if not result.error:
            self._outbox.sent(batch, now)
            self._outbox.forget(now)
            return
        delay_s = backoff_s(batch[0].tries)
        if result.retry_after_s is not None:
            delay_s = min(max(result.retry_after_s, 1.0), MAX_RETRY_AFTER_S)
        self._outbox.failed(batch, now, now + delay_s, result.error)


async def send_notices(target: Target, told: list[Notice], links: AnswerLinks | None = None) -> Result:
    """Send notices to a target in one message. links: for targets from which questions may be answered."""
    try:
        message = make_message(target, told, links)
    except NotifyError as exc:
        return Result(exc.message)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "luzia_client.notify.sender",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(msgspec.json.encode(message)), TIMEOUT_S + 15.0)
        return msgspec.json.decode(output, type=Result)
    except TimeoutError:
        return Result("the service has not answered in time")
    except msgspec.DecodeError:
        return Result("the program that sends messages has failed")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def make_message(target: Target, told: list[Notice], links: AnswerLinks | None = None) -> Message:
    """The message for a target. Raises NotifyError when its secret cannot be read."""
    answers = [_answers(each, links) if target.answers else {} for each in told]
    if len(told) == 1:
        title, body = notices.title(told[0], target.title), notices.body(told[0], target.body)
        event = msgspec.to_builtins(told[0]) | ({"answers": answers[0]} if answers[0] else {})
        fields = {name: told[0].fields.get(name, "") for name in notices.FIELDS} | {"subject": told[0].subject}
    else:
        title, body = notices.digest(told, [each.get("details", "") for each in answers])
        event = {"subject": "digest", "notices": [msgspec.to_builtins(each) for each in told]}
        fields = {"subject": "digest"}
    buttons = answers[0] if len(told) == 1 else {}
    fields |= {"title": title, "body": body}
    variables = {f"LUZIA_{name.upper()}": text.replace("\0", "") for name, text in fields.items()}
    if target.command:
        return Message("command", title, body, command=target.command, event=event, variables=variables)
    if target.desktop:
        return Message("desktop", title, body, answers=buttons)
    if target.webhook is not None:
        secret = read_secret(target.secret_env, target.secret_file)
        return Message("webhook", title, body, url=target.webhook, secret=secret, event=event)
    return Message("apprise", title, body, url=read_secret(target.url_env, target.url_file), answers=buttons)


def _answers(notice: Notice, links: AnswerLinks | None) -> dict[str, str]:
    """The addresses by which the question of a notice is answered; none without one."""
    if links is None or notice.asked is None:
        return {}
    return links.urls(notice.asked, time.time(), permission=notice.permission)
