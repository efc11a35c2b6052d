"""An idle daemon keeps little memory: it gives back what jobs have taken, and loads no module for rare cases."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.server import spare_memory
from luziad.server.spare_memory import SpareMemory

ENDED = JobRecord(1, "1", JobSpec(project="overbits", directory="/", agent="shell", created_at=0.0), JobStatus())


class Library:
    """Stands for the C library: knows whether it was told to give memory back."""

    def __init__(self) -> None:
        self.trimmed = threading.Event()

    def malloc_trim(self, _pad: int) -> int:
        self.trimmed.set()
        return 1


@asynccontextmanager
async def keeping(library: Library, running: list[int], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SpareMemory]:
    monkeypatch.setattr(spare_memory, "_libc", library)
    monkeypatch.setattr(spare_memory, "DELAY_S", 0.0)
    with ThreadPoolExecutor(1) as pool:
        memory = SpareMemory(pool, lambda: running[0])
        yield memory
        await asyncio.sleep(0)  # the timer, if there is one, is due in the next turn
        await asyncio.sleep(0)
        memory.close()


async def test_memory_is_given_back_after_the_last_running_job(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library()
    async with keeping(library, [0], monkeypatch) as memory:
        memory.job_ended(ENDED)
        assert await asyncio.to_thread(library.trimmed.wait, 60)


async def test_a_busy_daemon_keeps_its_memory_for_the_next_job(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library()
    async with keeping(library, [3], monkeypatch) as memory:
        memory.job_ended(ENDED)
    assert not library.trimmed.is_set()


def test_modules_for_rare_messages_and_estimates_are_not_loaded_at_the_start() -> None:
    code = "import sys, luziad.cli; print(*{'email', 'statistics'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert loaded.stdout == "\n"
