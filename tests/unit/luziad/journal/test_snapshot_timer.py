"""When snapshots are taken: a while after a change, and again when one could not be taken."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from luzia_protocol import events
from luzia_protocol.jobs import JobState

from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.journal.journal import NULL_LISTENER, Journal
from luziad.journal.snapshot_timer import SnapshotTimer
from luziad.store import snapshots
from luziad.store.sqlite import Store


async def test_a_snapshot_that_could_not_be_taken_is_taken_later_without_another_change(tmp_path: Path) -> None:
    store = Store(tmp_path)
    journal = Journal(store)
    journal.start()
    in_the_way = tmp_path / "snapshots"
    in_the_way.write_text("no directory")
    taken: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    failed = asyncio.Event()

    class Watched(ThreadPoolExecutor):
        """Tells when something was done on it."""

        def submit(self, *arguments, **options):  # type: ignore[no-untyped-def]
            future = super().submit(*arguments, **options)
            loop = asyncio.get_running_loop()
            future.add_done_callback(lambda _: loop.call_soon_threadsafe(failed.set))
            return future

    with Watched(1) as files:
        snapshotting = SnapshotTimer(journal, tmp_path, 0.02, files, taken.set_result)
        spec = JobSpec(project="p", directory="/", agent="shell", created_at=0.0)
        event = events.Dispatched(
            seq=journal.next_seq(),
            at=datetime.now(UTC),
            job="000001-aaaa",
            project="p",
            state=JobState.QUEUED,
            task="t",
            agent="a",
        )
        journal.accept(JobRecord(1, "000001-aaaa", spec, JobStatus()), event, NULL_LISTENER)
        await failed.wait()
        assert not taken.done()
        in_the_way.unlink()
        assert [await taken] == list(map(str, snapshots.newest_first(tmp_path)))
        await snapshotting.close()
    await journal.close()
    store.close()


async def test_nothing_is_taken_while_nothing_changes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    journal = Journal(store)
    journal.start()
    with ThreadPoolExecutor(1) as files:
        snapshotting = SnapshotTimer(journal, tmp_path, 0.0, files, lambda file: None)
        await snapshotting.close()
    await journal.close()
    store.close()
    assert snapshots.newest_first(tmp_path) == []
