"""Reads what an attempt has printed as text for the index, within bounds. Blocks: for a thread."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from luziad.agents.line_splitter import LineSplitter
from luziad.agents.transcript import Entries, Transcript
from luziad.output.files import read_chunk

PIECE_BYTES = 256 * 1024
PIECE_CHARS = 64 * 1024
HEAD_BYTES = 2 * 1024 * 1024
TAIL_BYTES = 6 * 1024 * 1024
"""How much of a stream is read: its beginning and its end."""
HEAD_CHARS = 64 * 1024
TAIL_CHARS = 192 * 1024
"""How much of the readable text is indexed."""
ERROR_CHARS = 16 * 1024
"""How much of the end of stderr is indexed."""
YIELD_LINES = 50
"""After this number of lines other threads may run, above all the event loop."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")


def readable_text(stdout: str, stderr: str, entries: Entries | None) -> str:
    """The transcript of an attempt, or what it has printed where its agent has none, and the end of its stderr.

    stdout, stderr: the files, which need not exist. Raises OSError.
    """
    text = _Ends()
    for section in _sections(stdout):
        if entries is None:
            for piece in _pieces(section.decode("utf-8", "replace")):
                text.add(_ESCAPES.sub("", piece))
            continue
        transcript = Transcript(entries, colour=False)
        splitter = LineSplitter()
        for number, line in enumerate([*splitter.feed(section), *splitter.end()]):
            text.add(transcript.feed(line))
            if number % YIELD_LINES == 0:
                time.sleep(0)
        text.add(transcript.end())
    errors = b"".join(_range(stderr, max(0, read_chunk(stderr, 0, 0).size - ERROR_CHARS), None))
    return text.whole() + _ESCAPES.sub("", errors.decode("utf-8", "replace"))


def _sections(path: str) -> Iterator[bytes]:
    """The file, or its beginning and its end, each with whole lines."""
    size = read_chunk(path, 0, 0).size
    if size <= HEAD_BYTES + TAIL_BYTES:
        yield b"".join(_range(path, 0, None))
        return
    yield b"".join(_range(path, 0, HEAD_BYTES)).rpartition(b"\n")[0]
    yield b"".join(_range(path, size - TAIL_BYTES, None)).partition(b"\n")[2]


def _range(path: str, begin: int, end: int | None) -> Iterator[bytes]:
    """The stored bytes from `begin` on, up to `end` or TAIL_BYTES + HEAD_BYTES of them."""
    end = begin + HEAD_BYTES + TAIL_BYTES if end is None else end
    while begin < end:
        chunk = read_chunk(path, begin, min(PIECE_BYTES, end - begin))
        if not chunk.data:
            return
        yield chunk.data
        begin = chunk.offset + len(chunk.data)


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces that end with a line where they can: other threads run in between."""
    begin = 0
    while begin < len(text):
        end = text.rfind("\n", begin, begin + PIECE_CHARS) + 1 or begin + PIECE_CHARS
        yield text[begin:end]
        begin = end


class _Ends:
    """The beginning and the end of a text that is added piece by piece."""

    def __init__(self) -> None:
        self._head: list[str] = []
        self._left = HEAD_CHARS
        self._tail: list[str] = []
        self._kept = 0

    def add(self, text: str) -> None:
        if self._left:
            self._head.append(text[: self._left])
            text = text[self._left :]
            self._left -= len(self._head[-1])
        if text:
            self._tail.append(text)
            self._kept += len(text)
        if self._kept > 4 * TAIL_CHARS:
            self._tail = ["".join(self._tail)[-TAIL_CHARS:]]
            self._kept = TAIL_CHARS

    def whole(self) -> str:
        return "".join([*self._head, "".join(self._tail)[-TAIL_CHARS:]])
