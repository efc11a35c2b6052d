"""Reads one attempt's output through its agent's reader, from the last offset to the present end of the file.

These methods block and are called one at a time, on the readers' thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from luzia_protocol import times
from luzia_protocol.activity import Activity, SessionTotals
from luzia_protocol.jobs import Progress

from luziad.agents.base import STDERR_TAIL_BYTES, OutputSummary, Reader, StderrReader, TotalsReader
from luziad.agents.line_splitter import LineSplitter
from luziad.jobs.attempt import ExitRecord, Verdict
from luziad.output.files import read_chunk

Feed = Callable[[bytes], Progress | None]

PIECE_BYTES = 512 * 1024
"""The size of one read; the output of other attempts is read in between."""

KEPT_FILES = 100
KEPT_PATH = 1000
KEPT_PLAN = 100
KEPT_MESSAGE = 2000

_ELAPSED = re.compile(r" (\d+) s\Z")
"""The end of a phase that tells how long a tool has been running."""


class _Piece(NamedTuple):
    """Lines of one stream, in the order of the streams' last writes."""

    written_at: float
    lines: list[bytes]
    feed: Feed
    has_more: bool


class _Stream:
    """One of the attempt's output files, read piece by piece. lost: bytes that were read, and truncated by the job."""

    def __init__(self, path: str, feed: Feed) -> None:
        self.path = path
        self._feed = feed
        self._splitter = LineSplitter()
        self._offset = 0
        self._mark = b""
        self.lost = 0

    def read_on(self) -> _Piece | None:
        """The next piece; None when there is none. Raises OSError."""
        piece = read_chunk(self.path, self._offset, PIECE_BYTES, self._mark)
        self._mark = piece.mark
        if piece.lost:
            self.lost += piece.lost
            self._splitter, self._offset = LineSplitter(), 0
            return _Piece(piece.written_at, [], self._feed, piece.size > 0)
        if not piece.data:
            return None
        data = piece.data
        if piece.offset > self._offset:  # the output between is no longer kept, so that the first line is not complete
            self._splitter = LineSplitter()
            data = data.partition(b"\n")[2]
        self._offset = piece.offset + len(piece.data)
        return _Piece(piece.written_at, self._splitter.feed(data), self._feed, self._offset < piece.size)

    def last_lines(self) -> list[bytes]:
        """The last line, even without its newline."""
        return self._splitter.end()


class OutputReader:
    """path: the attempt's stdout. known: what was understood before a restart.

    stderr_path: its stderr, which is read as it grows if the agent reports there.
    earlier: the totals of sessions before the attempt. session: the one that it resumes.
    """

    def __init__(
        self,
        path: str,
        reader: Reader,
        known: Activity | None = None,
        stderr_path: str | None = None,
        earlier: Mapping[str, SessionTotals] | None = None,
        session: str | None = None,
    ) -> None:
        self._stdout = _Stream(path, reader.feed)
        self._streams = [self._stdout]
        if stderr_path is not None and isinstance(reader, StderrReader):
            self._streams.append(_Stream(stderr_path, reader.feed_stderr))
        if isinstance(reader, TotalsReader):
            reader.resume(earlier or {}, session)
        self._reader = reader
        self._known = known
        self._names = known or Activity()  # the lines that tell them may no longer be kept
        self._progress: Progress | None = None
        self._phase: str | None = None
        self._phase_at: datetime | None = None
        self._last_sign_at: datetime | None = None

    @property
    def paths(self) -> list[str]:
        """The files that are read."""
        return [stream.path for stream in self._streams]

    def read_on(self) -> bool:
        """Read the next piece; True when there is more. Raises OSError."""
        pieces = [piece for stream in self._streams if (piece := stream.read_on()) is not None]
        for piece in sorted(pieces, key=lambda piece: piece.written_at):
            for line in piece.lines:
                self._progress = piece.feed(line) or self._progress
            self._last_sign_at = _moment(piece.written_at)
            self._note_phase(piece.written_at)
        return any(piece.has_more for piece in pieces)

    @property
    def finished(self) -> bool:
        """Whether the agent has told its final result."""
        return self._reader.is_finished()

    def understood(self) -> tuple[Activity, Progress | None]:
        """What the output tells so far: activity and progress."""
        found = activity_of(self._reader.summary())
        known, phase_at = self._known, self._phase_at
        if known is not None and known.phase == self._phase:
            phase_at = known.phase_at
        activity = msgspec.structs.replace(
            found,
            phase=self._phase,
            phase_at=phase_at,
            last_sign_at=self._last_sign_at,
            session=found.session or self._names.session,
            model=found.model or self._names.model,
            version=found.version or self._names.version,
            lost_bytes=self._names.lost_bytes + self._stdout.lost,
        )
        progress = self._progress
        return activity, None if progress is None else msgspec.structs.replace(progress, phase=self._phase)

    def verdict(self, end: ExitRecord, stderr_path: str) -> Verdict:
        """Judge the attempt, after its output has been read to the end."""
        for line in self._stdout.last_lines():
            self._progress = self._reader.feed(line) or self._progress
        size = read_chunk(stderr_path, 0, 0).size
        tail = read_chunk(stderr_path, max(0, size - STDERR_TAIL_BYTES), STDERR_TAIL_BYTES).data
        return self._reader.verdict(end, tail)

    def _note_phase(self, written_at: float) -> None:
        phase = self._progress.phase if self._progress is not None else None
        running_s = 0.0
        if phase is not None and (elapsed := _ELAPSED.search(phase)) is not None:
            phase, running_s = phase[: elapsed.start()], float(elapsed[1])
        if phase != self._phase:
            self._phase, self._phase_at = phase, _moment(written_at - running_s)
            if self._known is not None and self._known.phase != phase:
                self._known = None


def activity_of(known: OutputSummary) -> Activity:
    """The understanding as the protocol has it, without what only OutputReader knows."""
    files = [path for path in known.files if len(path) <= KEPT_PATH][:KEPT_FILES]
    message, limit = known.last_message, known.usage_limit
    if message is not None and len(message) > KEPT_MESSAGE:
        message = message[: KEPT_MESSAGE - 1] + "…"
    return Activity(
        session=known.session,
        model=known.model,
        version=known.version,
        turns=known.turns,
        tool_calls=known.tool_calls,
        tools=known.tools,
        files=files,
        file_count=len(known.files),
        more_files=known.more_files,
        plan=known.plan[:KEPT_PLAN],
        plan_done=known.plan_done,
        plan_total=known.plan_total,
        tokens_in=known.tokens_in,
        tokens_out=known.tokens_out,
        tokens_cached=known.tokens_cached,
        cost_usd=known.cost_usd,
        limit=limit.words if limit else None,
        limit_resets_at=_moment(limit.resets_at) if limit and limit.resets_at else None,
        last_message=message,
        asked=known.asked,
        totals=known.totals,
    )


def _moment(epoch_s: float) -> datetime | None:
    return times.to_datetime(epoch_s) if times.is_moment(epoch_s) else None
