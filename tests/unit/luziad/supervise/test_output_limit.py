"""The limit of an attempt's output, with real shims and real files."""

from __future__ import annotations

import os
from pathlib import Path

from luziad.attempts.output_reader import OutputReader
from luziad.output.files import read_chunk, tail_offset
from luziad.supervise.output_limit import OutputLimit
from support import eventually
from unit.luziad.supervise.helpers import ForkServer, exit_record, request
from unit.luziad.supervise.test_shim import run

LIMIT = 1 << 17
LINES = 40_000
PRINT = f"i=0; while [ $i -lt {LINES} ]; do echo line $i of many; i=$((i+1)); done"
WHOLE = "".join(f"line {number} of many\n" for number in range(LINES)).encode()


def kept(path: Path) -> bytes:
    """What is left of a file, which must be a true part of all that was written."""
    piece = read_chunk(str(path), 0, 1 << 30)
    assert piece.size == len(WHOLE)
    assert piece.offset == piece.dropped
    assert piece.data == WHOLE[piece.offset :]
    return piece.data


def test_the_newest_output_is_kept_and_the_disk_gets_back_the_rest(fork_server: ForkServer, tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    fork_server.send(request(directory, "sh", "-c", PRINT, max_log_bytes=LIMIT))
    lock = directory / "lock"
    eventually(lambda: lock.exists() and b'"over": true' in lock.read_bytes())
    assert exit_record(directory)["exit_code"] == 0
    assert LIMIT // 2 < len(kept(directory / "stdout")) <= LIMIT
    assert (directory / "stdout").stat().st_blocks * 512 <= LIMIT + 16384


def test_it_is_kept_to_while_the_agent_runs(fork_server: ForkServer, tmp_path: Path) -> None:
    directory, stdout = tmp_path / "job" / "1", tmp_path / "job" / "1" / "stdout"
    script = f"{PRINT}; until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo last; echo error >&2"
    fork_server.send(request(directory, "sh", "-c", script, max_log_bytes=LIMIT))
    eventually(lambda: stdout.exists() and stdout.stat().st_size == len(WHOLE), "all of the output")
    eventually(lambda: stdout.stat().st_blocks * 512 <= LIMIT + 16384, "the limit")
    kept(stdout)
    (tmp_path / "go").touch()
    eventually((directory / "exit.json").exists)
    assert exit_record(directory)["exit_code"] == 0
    assert read_chunk(str(stdout), len(WHOLE), 100).data == b"last\n", "offsets are what they were"
    assert (directory / "stderr").read_bytes() == b"error\n"


def test_two_long_streams_share_the_limit(tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    script = "request['max_log_bytes'] = 1 << 17; shim.run(request)"
    run(script, directory, "sh", "-c", f"{{ {PRINT}; }} | tee /dev/stderr")
    sizes = [len(kept(directory / name)) for name in ("stdout", "stderr")]
    assert sum(sizes) <= LIMIT
    assert min(sizes) > LIMIT // 4


def test_where_no_hole_can_be_made_everything_is_kept_and_the_daemon_told(tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    script = """
import ctypes, errno
from luziad.supervise import output_limit
output_limit._fallocate = lambda *arguments: ctypes.set_errno(errno.EOPNOTSUPP) or -1
request['max_log_bytes'] = 1 << 17
shim.run(request)
"""
    told = run(script, directory, "sh", "-c", PRINT)
    assert "its output cannot be limited on this file system: Operation not supported" in told
    assert len(kept(directory / "stdout")) == len(WHOLE)
    assert exit_record(directory)["exit_code"] == 0


def test_the_last_lines_are_found_in_what_is_kept(tmp_path: Path) -> None:
    directory, stdout = tmp_path / "job" / "1", str(tmp_path / "job" / "1" / "stdout")
    run("request['max_log_bytes'] = 1 << 17; shim.run(request)", directory, "sh", "-c", PRINT)
    begin = tail_offset(stdout, 3)
    assert read_chunk(stdout, begin, 1000).data == b"".join(WHOLE.splitlines(keepends=True)[-3:])
    assert tail_offset(stdout, LINES) == read_chunk(stdout, 0, 1).dropped


class Lines:
    """A reader that keeps every line that it is fed."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def feed(self, line: bytes) -> None:
        self.lines.append(line)


def test_an_agents_reader_gets_whole_lines_of_what_is_kept(tmp_path: Path) -> None:
    directory, stdout = tmp_path / "job" / "1", str(tmp_path / "job" / "1" / "stdout")
    run("request['max_log_bytes'] = 1 << 17; shim.run(request)", directory, "sh", "-c", PRINT)
    reader = Lines()
    reading = OutputReader(stdout, reader)  # type: ignore[arg-type]
    reading.read_on()
    whole = WHOLE.splitlines()
    assert reader.lines
    assert [line.rstrip() for line in reader.lines] == whole[-len(reader.lines) :]
    assert os.path.getsize(stdout) == len(WHOLE)


def test_the_limit_holds_for_what_is_written_after_a_truncation(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    limit, stdout = OutputLimit(descriptor, LIMIT), tmp_path / "stdout"
    try:
        for _ in range(2):  # the second time after it was emptied, as by `> /dev/stdout`
            stdout.write_bytes(b"x" * 3 * LIMIT)
            limit.trim()
            assert stdout.stat().st_blocks * 512 <= LIMIT
            stdout.write_bytes(b"")
            limit.trim()
    finally:
        os.close(descriptor)


def test_a_file_that_was_truncated_is_noticed_at_its_size_and_at_its_content(tmp_path: Path) -> None:
    stdout = tmp_path / "stdout"
    stdout.write_bytes(b"first words")
    piece = read_chunk(str(stdout), 0, 100)
    mark = piece.mark
    stdout.write_bytes(b"short")
    assert read_chunk(str(stdout), 11, 100, mark)[:3] == (0, b"", 5)
    assert read_chunk(str(stdout), 11, 100, mark).lost == 11
    stdout.write_bytes(b"other words that are longer")
    assert read_chunk(str(stdout), 11, 100, mark).lost == 11
    stdout.write_bytes(b"first words and more")
    assert read_chunk(str(stdout), 11, 100, mark).data == b" and more"


def test_output_that_was_dropped_for_the_limit_is_not_taken_for_a_truncation(tmp_path: Path) -> None:
    stdout = tmp_path / "stdout"
    stdout.write_bytes(b"x" * 3 * LIMIT)
    piece = read_chunk(str(stdout), 0, 2 * LIMIT)
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    OutputLimit(descriptor, LIMIT // 2).trim()
    os.close(descriptor)
    later = read_chunk(str(stdout), 2 * LIMIT, 1 << 30, piece.mark)
    assert (later.lost, later.offset > 2 * LIMIT) == (0, True)
