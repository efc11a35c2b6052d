"""The journal: commit, then publish, then reply; and what happens when it cannot commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luzia_protocol import events
from luzia_protocol.jobs import JobState

from luziad.errors import StorageError
from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.journal.journal import CommitCallbacks, Journal
from luziad.store.batch import Batch
from luziad.store.sqlite import Store


class FailingStore(Store):
    """A real store whose disk is full while `full` is set."""

    full = False

    def write(self, batch: Batch) -> None:
        if self.full:
            raise StorageError("no space left on device")
        super().write(batch)


@pytest.fixture
def store(tmp_path: Path) -> FailingStore:
    return FailingStore(tmp_path)


@pytest.fixture
async def journal(store: FailingStore) -> AsyncIterator[Journal]:
    journal = Journal(store)
    journal.start()
    yield journal
    store.full = False
    await journal.close()
    store.close()


def job(n: int) -> JobRecord:
    spec = JobSpec(project="p", directory="/", agent="shell", created_at=0.0)
    return JobRecord(n, f"00000{n}-aaaa", spec, JobStatus())


def dispatched(journal: Journal, record: JobRecord) -> events.Event:
    return events.Dispatched(
        seq=journal.next_seq(),
        at=datetime.now(UTC),
        job=record.id,
        project="p",
        state=JobState.QUEUED,
        task="t",
        agent="a",
    )


def starting(journal: Journal, record: JobRecord) -> events.Event:
    return events.Starting(
        seq=journal.next_seq(), at=datetime.now(UTC), job=record.id, project="p", state=JobState.STARTING, attempt=1
    )


def both(first: Callable[[], object], second: Callable[[], object]) -> Callable[[], None]:
    def call() -> None:
        first()
        second()

    return call


def never(*_: object) -> None:
    raise AssertionError("this was not to be called")


async def test_subscribers_hear_after_the_commit_and_the_caller_after_them(journal: Journal, store: Store) -> None:
    order: list[str] = []
    done = asyncio.Event()
    record = job(1)

    def heard(news: list[tuple[events.Event, bytes]]) -> None:
        order.append(f"published {len(list(store.load_jobs()))} committed")

    def replied() -> None:
        order.append("replied")
        done.set()

    journal.subscribe(heard)
    journal.accept(record, dispatched(journal, record), CommitCallbacks(replied, never))
    assert order == []
    await done.wait()
    assert order == ["published 1 committed", "replied"]


async def test_what_comes_during_a_commit_shares_the_next_one(journal: Journal) -> None:
    sizes: list[int] = []
    done = asyncio.Event()
    journal.subscribe(lambda news: sizes.append(len(news)))
    for n in range(1, 101):
        record = job(n)
        journal.accept(
            record, dispatched(journal, record), CommitCallbacks(done.set if n == 100 else lambda: None, never)
        )
    await done.wait()
    assert sum(sizes) == 100
    assert len(sizes) <= 2


async def test_a_new_job_is_refused_when_the_store_fails_and_nothing_of_it_is_ever_written(
    journal: Journal, store: FailingStore
) -> None:
    store.full = True
    refused: asyncio.Future[StorageError] = asyncio.get_running_loop().create_future()
    record = job(1)
    journal.accept(record, dispatched(journal, record), CommitCallbacks(never, refused.set_result))
    journal.record(record, starting(journal, record), never)
    assert "no space" in str(await refused)
    assert journal.failure is not None
    store.full = False
    recovered = asyncio.Event()
    journal.when_recovered(recovered.set)
    await recovered.wait()
    assert journal.failure is None
    assert list(store.load_jobs()) == []
    assert store.last_seq() == 0


async def test_facts_wait_for_room_and_are_committed_in_order(journal: Journal, store: FailingStore) -> None:
    record = job(1)
    accepted = asyncio.Event()
    journal.accept(record, dispatched(journal, record), CommitCallbacks(accepted.set, never))
    await accepted.wait()
    store.full = True
    order: list[int] = []
    done = asyncio.Event()
    journal.record(record, starting(journal, record), lambda: order.append(1))
    while journal.failure is None:  # noqa: ASYNC110
        await asyncio.sleep(0)
    record.status.state = JobState.RUNNING
    journal.record(record, starting(journal, record), both(lambda: order.append(2), done.set))
    store.full = False
    await done.wait()
    assert order == [1, 2]
    assert [row[3] for row in store.load_jobs()] == ['{"state":"running"}']


async def test_a_repeated_key_waits_for_the_commit_of_the_first(journal: Journal, store: FailingStore) -> None:
    record = job(1)
    order: list[str] = []
    done = asyncio.Event()
    journal.accept(record, dispatched(journal, record), CommitCallbacks(lambda: order.append("first"), never))
    journal.after_commit(CommitCallbacks(both(lambda: order.append("second"), done.set), never))
    assert order == []
    await done.wait()
    assert order == ["first", "second"]
    journal.after_commit(CommitCallbacks(lambda: order.append("third"), never))
    assert order[-1] == "third", "with nothing under way there is nothing to wait for"


async def test_closing_commits_what_waits(tmp_path: Path) -> None:
    store = Store(tmp_path)
    journal = Journal(store)
    journal.start()
    record = job(1)
    journal.accept(record, dispatched(journal, record), CommitCallbacks(lambda: None, never))
    await journal.close()
    assert len(list(store.load_jobs())) == 1
    store.close()


async def test_schedules_wait_for_room_like_every_fact(journal: Journal, store: FailingStore) -> None:
    committed = asyncio.Event()
    journal.put_schedule("nightly", b'{"at":"02:00"}')
    journal.put_schedule("hourly", b"{}")
    journal.after_commit(CommitCallbacks(committed.set, never))
    await committed.wait()
    assert store.load_schedules() == {"nightly": '{"at":"02:00"}', "hourly": "{}"}
    store.full = True
    refused: asyncio.Future[StorageError] = asyncio.get_running_loop().create_future()
    journal.put_schedule("nightly", b'{"at":"03:00"}')
    journal.delete_schedule("hourly")
    journal.after_commit(CommitCallbacks(never, refused.set_result))
    assert "no space" in str(await refused)
    store.full = False
    recovered = asyncio.Event()
    journal.when_recovered(recovered.set)
    await recovered.wait()
    assert store.load_schedules() == {"nightly": '{"at":"03:00"}'}


async def test_trouble_and_its_end_are_told_once_to_each_who_watches(journal: Journal, store: FailingStore) -> None:
    told: list[str] = []
    changed = asyncio.Event()

    def tell() -> None:
        told.append(str(journal.failure))
        changed.set()

    journal.watch_storage(tell)
    unwatch = journal.watch_storage(never)
    unwatch()
    store.full = True
    journal.accept(job(1), dispatched(journal, job(1)), CommitCallbacks(lambda: None, lambda _: None))
    await changed.wait()
    changed.clear()
    journal.watch_storage(tell)
    store.full = False
    await changed.wait()
    assert told == ["no space left on device", "None"]
    unwatch()
