"""Delivery while the outbox cannot be written."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luzia_client.notify import delivery
from luzia_client.notify.delivery import Delivery
from luzia_client.notify.notices import Notice, digest
from luzia_client.notify.outbox import Outbox, Row
from luzia_client.notify.rules import Posting
from luzia_client.notify.settings import Settings, Target


class FullOutbox(Outbox):
    """Has no room while `full` is set. refused: it was so three times. marked: all notices are."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.full = True
        self.tries = 0
        self.refused, self.marked = asyncio.Event(), asyncio.Event()

    def sent(self, rows: list[Row], now: float) -> None:
        if self.full:
            self.tries += 1
            if self.tries == 3:
                self.refused.set()
            raise sqlite3.OperationalError("database or disk is full")
        super().sent(rows, now)
        if self.counts() == {"script": {"sent": 2}}:
            self.marked.set()


async def test_a_message_that_cannot_be_marked_is_marked_later_and_sent_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(delivery, "MARK_DELAY_S", 0.05)
    out = tmp_path / "out"
    target = Target(command=["sh", "-c", f'echo "$LUZIA_JOB" >> {out}'])
    outbox = FullOutbox(tmp_path / "notify.db")
    for number in (1, 2):
        told = Notice("finished", str(number), datetime.now(UTC), {"job": f"job-{number}"})
        outbox.take([(told, Posting("script"))], time.time())
    sending = Delivery(Settings(targets={"script": target}), outbox)
    sending.start()
    async with asyncio.timeout(60):
        await outbox.refused.wait()
        assert out.read_text() == "job-1\n"
        outbox.full = False
        await outbox.marked.wait()
    assert out.read_text() == "job-1\njob-2\n"
    assert "disk is full; trying again" in capsys.readouterr().err
    await sending.stop()
    outbox.close()


def test_a_digest_says_where_its_questions_are_answered() -> None:
    at = datetime.now(UTC)
    told = [
        Notice("failed", "1", at, {"project": "p", "task": "t"}),
        Notice("asks", "2", at, {"project": "p", "task": "u", "question": "Bash: make"}),
    ]
    page = "https://luzia.example.org/answer/a.b"
    assert digest(told, ["", page])[1].splitlines() == ["✗ p: t", "? p: u (Bash: make)", f"  Answer: {page}"]
