"""A stream is cut into the same lines however its bytes arrive, and memory is bounded."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luzia_protocol.jobs import Progress

from luziad.agents.base import OutputSummary, Reader
from luziad.agents.line_splitter import MAX_LINE_BYTES, TOO_LONG, LineSplitter
from luziad.jobs.attempt import Verdict
from unit.luziad.agents.recordings import RECORDINGS, Recording, exited

MB = 1024 * 1024


def cut(pieces: list[bytes], most: int = MAX_LINE_BYTES) -> list[bytes]:
    """The lines of a stream that arrives in these pieces."""
    splitter = LineSplitter(most)
    return [line for piece in pieces for line in splitter.feed(piece)] + splitter.end()


def read(run: Recording, pieces: list[bytes]) -> tuple[list[Progress], Verdict, OutputSummary]:
    """All that a reader makes of a recording that arrives in these pieces."""
    reader: Reader = run.reader()
    told = [reader.feed(line) for line in cut(pieces)]
    verdict = reader.verdict(exited(run.exit_code), run.stderr[-8192:])
    return [progress for progress in told if progress is not None], verdict, reader.summary()


@pytest.mark.parametrize("run", RECORDINGS, ids=lambda run: run.name)
def test_a_recording_cut_at_any_position_is_the_same_as_whole(run: Recording) -> None:
    lines, whole = cut([run.stdout]), read(run, [run.stdout])
    for position in range(len(run.stdout) + 1):
        pieces = [run.stdout[:position], run.stdout[position:]]
        assert cut(pieces) == lines, position
        if run.scenario == "success" or position % 50 == 0:  # readers see lines only; this shows it
            assert read(run, pieces) == whole, position


@pytest.mark.parametrize("run", RECORDINGS, ids=lambda run: run.name)
def test_a_recording_that_comes_byte_by_byte_is_the_same_as_whole(run: Recording) -> None:
    pieces = [run.stdout[position : position + 1] for position in range(len(run.stdout))]
    assert read(run, pieces) == read(run, [run.stdout])


@given(st.lists(st.binary(max_size=12).map(lambda data: data.replace(b"x", b"\n"))), st.integers(0, 20))
def test_pieces_never_matter_also_where_lines_are_too_long(pieces: list[bytes], most: int) -> None:
    whole = b"".join(pieces)
    expected = whole.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert cut(pieces, most) == [line if len(line) <= most else TOO_LONG for line in expected]


def test_a_line_of_10_mb_is_kept_and_read() -> None:
    run = next(run for run in RECORDINGS if run.name == "codex/success")
    item = b'{"type":"item.completed","item":{"type":"command_execution","id":"x","aggregated_output":"%s"}}\n'
    large = item % (b"o" * 10 * MB)
    reader = run.reader()
    for line in cut([large[start : start + 65536] for start in range(0, len(large), 65536)]):
        reader.feed(line)
    assert reader.summary().tools == {"shell": 1}


@pytest.mark.parametrize("agent", ["claude", "codex", "gemini", "opencode", "vibe"])
def test_a_line_without_end_takes_bounded_memory_and_harms_no_other(agent: str) -> None:
    run = next(run for run in RECORDINGS if run.name == f"{agent}/success")
    block = b'{"type":"' + b"x" * MB
    reader, splitter = run.reader(), LineSplitter()
    tracemalloc.start()
    try:
        for _ in range(3 * MAX_LINE_BYTES // MB):
            assert splitter.feed(block) == []
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2 * MAX_LINE_BYTES
    for line in [*splitter.feed(b"\n" + run.stdout), *splitter.end()]:
        reader.feed(line)
    assert reader.verdict(exited(0), b"").reason is None
    assert reader.summary().noise_lines == 1
