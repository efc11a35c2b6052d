"""Bytes become the same frames however the stream is cut, and never more of them than the limit."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luzia_protocol.framing import MAX_FRAME_BYTES, FrameReader, FrameTooLargeError

texts = st.binary(max_size=50).map(lambda b: b.replace(b"\n", b" "))
lines = st.lists(texts.map(lambda text: b"{" + text + b"}"), max_size=20)
places_to_cut = st.lists(st.integers(min_value=0), max_size=30)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` cut at `cuts`, whatever they are."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


@given(lines, places_to_cut)
def test_any_cut_of_the_stream_gives_the_same_frames(frames: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frame + b"\n" for frame in frames)
    reader = FrameReader()
    got = [frame for piece in pieces(stream, cuts) for frame in reader.feed(piece)]
    assert got == frames
    assert reader.pending == 0


@given(lines, texts)
def test_an_unfinished_line_is_held_until_it_is_finished(frames: list[bytes], rest: bytes) -> None:
    reader = FrameReader()
    assert reader.feed(b"".join(frame + b"\n" for frame in frames) + rest) == frames
    assert reader.pending == len(rest)
    assert reader.feed(b"}\n") == [rest + b"}"]


@given(st.lists(st.integers(min_value=1, max_value=40), max_size=20), places_to_cut)
def test_a_line_is_refused_exactly_when_it_is_longer_than_the_limit(sizes: list[int], cuts: list[int]) -> None:
    reader = FrameReader(limit=20)
    stream = b"".join(b"x" * size + b"\n" for size in sizes)

    def read() -> list[bytes]:
        return [frame for piece in pieces(stream, cuts) for frame in reader.feed(piece)]

    if any(size > 20 for size in sizes):
        with pytest.raises(FrameTooLargeError):
            read()
    else:
        assert [len(frame) for frame in read()] == sizes


@given(st.lists(st.binary(max_size=30), max_size=50))
def test_no_more_than_the_limit_is_ever_held(chunks: list[bytes]) -> None:
    reader = FrameReader(limit=64)
    for chunk in chunks:
        try:
            reader.feed(chunk)
        except FrameTooLargeError:
            return
        assert reader.pending <= 64


def test_a_line_of_exactly_the_limit_passes() -> None:
    line = b"x" * MAX_FRAME_BYTES
    assert FrameReader().feed(line + b"\n") == [line]


def test_an_endless_line_is_refused_while_it_arrives() -> None:
    reader = FrameReader()
    chunk = b"x" * 65536
    for _ in range(MAX_FRAME_BYTES // len(chunk)):
        assert reader.feed(chunk) == []
    with pytest.raises(FrameTooLargeError):
        reader.feed(b"x")


def test_blank_lines_and_line_ends_of_other_systems_do_no_harm() -> None:
    reader = FrameReader()
    assert reader.feed(b'\n\r\n  \n{"op":"info"}\r\n') == [b'{"op":"info"}\r']
