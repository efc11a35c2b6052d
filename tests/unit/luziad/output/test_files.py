"""Output files are read in pieces, and what a job has put in their place is not."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from luziad.output.files import read_chunk, tail_offset
from luziad.supervise.regular_files import UnusableFile, read_regular

TIB = 1 << 40


def make_socket(path: Path) -> None:
    socket.socket(socket.AF_UNIX).bind(os.path.relpath(path))


REPLACED: dict[str, Callable[[Path], None]] = {
    "fifo": os.mkfifo,
    "directory": Path.mkdir,
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "link to a file": lambda path: path.symlink_to(__file__),
    "loop": lambda path: path.symlink_to(path),
    "socket": make_socket,
}


@pytest.mark.parametrize("kind", REPLACED)
def test_what_is_no_regular_file_is_an_error_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "stdout"
    REPLACED[kind](path)
    for read in (lambda: read_chunk(str(path), 0, 10), lambda: tail_offset(str(path), 3)):
        with pytest.raises(UnusableFile, match="not a regular file"):
            read()
    with pytest.raises(UnusableFile, match="not a regular file"):
        read_regular(str(path), 10)


def test_a_record_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "exit.json"
    path.write_text("{}")
    assert read_regular(str(path), 2) == b"{}"
    os.truncate(path, TIB)
    with pytest.raises(UnusableFile, match="larger than 2 bytes"):
        read_regular(str(path), 2)


def test_a_large_hole_in_the_output_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "stdout"
    path.write_bytes(b"begin\n")
    os.truncate(path, TIB)
    assert read_chunk(str(path), 0, 6).data == b"begin\n"
    rest = read_chunk(str(path), 1 << 20, 1 << 20)
    assert (rest.offset, rest.data, rest.size) == (TIB, b"", TIB)
    with path.open("ab") as file:
        file.write(b"end\n")
    rest = read_chunk(str(path), 1 << 20, 1 << 20)
    assert rest.data.endswith(b"end\n")
    assert rest.offset + len(rest.data) == TIB + 4
    assert tail_offset(str(path), 5) > TIB - (1 << 20)


def test_zeros_that_an_agent_prints_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "stdout"
    path.write_bytes(b"a" + bytes(1 << 16) + b"b")
    assert read_chunk(str(path), 0, 1 << 20).data == b"a" + bytes(1 << 16) + b"b"
