"""Gives an ended attempt its verdict: lets the agent's reader see the output, off the event loop."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import Outcome

from luziad.agents.base import STDERR_TAIL_BYTES, Reader, Verdict, by_exit_code
from luziad.agents.lines import LineSplitter
from luziad.core.attempts import AttemptRef, Exited
from luziad.core.record import JobRecord
from luziad.executor.base import Executor
from luziad.launching import Launcher
from luziad.watch.output import read_piece

log = logging.getLogger("luziad.judging")

_BLOCK = 256 * 1024


class OutputJudge:
    """Judges attempts by their adapter. `files` is the thread on which files are read."""

    def __init__(self, launcher: Launcher, executor: Executor, files: ThreadPoolExecutor) -> None:
        self._launcher = launcher
        self._executor = executor
        self._files = files

    async def verdict(self, record: JobRecord, end: Exited) -> Verdict:
        """How the record's newest attempt ended. Never raises: what cannot be read is judged as a failure."""
        try:
            adapter = self._launcher.adapter(record)
        except Refused:
            return by_exit_code(end)
        if not adapter.reads_output:
            return adapter.reader().verdict(end, b"")
        assert record.attempt is not None
        ref = AttemptRef(record.id, record.attempt.number)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._files, self._read, ref, adapter.reader(), end)
        except OSError as exc:
            return Verdict(Outcome.FAILED, f"its output cannot be read: {exc}")
        except Exception as exc:
            log.exception("judging_failed job=%s agent=%s", record.id, record.spec.agent)
            return Verdict(Outcome.FAILED, f"its output was not understood: {exc!r}")

    def _read(self, ref: AttemptRef, reader: Reader, end: Exited) -> Verdict:
        path = self._executor.output_path(ref, "stdout")
        offset, splitter = 0, LineSplitter()
        while data := read_piece(path, offset, _BLOCK).data:
            offset += len(data)
            for line in splitter.feed(data):
                reader.feed(line)
        for line in splitter.end():
            reader.feed(line)
        return reader.verdict(end, self._stderr_tail(ref))

    def _stderr_tail(self, ref: AttemptRef) -> bytes:
        path = self._executor.output_path(ref, "stderr")
        size = read_piece(path, 0, 0).size
        return read_piece(path, max(0, size - STDERR_TAIL_BYTES), STDERR_TAIL_BYTES).data
