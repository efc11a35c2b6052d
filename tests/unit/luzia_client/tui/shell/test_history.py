from __future__ import annotations

from pathlib import Path

import pytest

from luzia_client.tui.shell.history import MAX_BYTES, MAX_LINE_BYTES, MAX_LINES, PersistentHistory, is_private


def lines_of(path: Path) -> list[str]:
    """What a new shell remembers, oldest first."""
    return list(PersistentHistory(str(path)).load_history_strings())[::-1]


def test_lines_are_there_again_in_the_next_shell(tmp_path: Path) -> None:
    path = tmp_path / "state" / "shell_history"
    history = PersistentHistory(str(path))
    for line in ("jobs", 'overbits "two\nlines"', "größer 🎉"):
        history.append_string(line)
    assert lines_of(path) == ["jobs", 'overbits "two\nlines"', "größer 🎉"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_two_shells_write_beside_each_other(tmp_path: Path) -> None:
    first, second = PersistentHistory(str(tmp_path / "h")), PersistentHistory(str(tmp_path / "h"))
    first.append_string("a")
    second.append_string("b")
    first.append_string("c")
    assert lines_of(tmp_path / "h") == ["a", "b", "c"]


def test_the_file_is_bounded_in_lines_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "h"
    path.write_bytes(b"".join(b'"%d"\n' % number for number in range(5 * MAX_LINES)))
    assert lines_of(path) == [str(number) for number in range(4 * MAX_LINES, 5 * MAX_LINES)]
    assert path.read_bytes().count(b"\n") == MAX_LINES
    path.write_bytes(b"".join(b'"%d%s"\n' % (number, b"x" * 10_000) for number in range(300)))
    assert lines_of(path)[-1].startswith("299")
    assert path.stat().st_size <= MAX_BYTES
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_is_very_long_is_not_kept(tmp_path: Path) -> None:
    history = PersistentHistory(str(tmp_path / "h"))
    history.append_string("x" * MAX_LINE_BYTES)
    assert lines_of(tmp_path / "h") == []
    assert history.get_strings() == ["x" * MAX_LINE_BYTES]


@pytest.mark.parametrize("line", [" jobs", "overbits -e TOKEN=1 fix", "--env=TOKEN=1 overbits fix", "-e TOKEN=1 'open"])
def test_a_private_line_is_not_kept(line: str, tmp_path: Path) -> None:
    assert is_private(line)
    history = PersistentHistory(str(tmp_path / "h"))
    history.append_string(line)
    assert not (tmp_path / "h").exists()
    assert history.get_strings() == [line]


def test_what_is_no_whole_line_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "h"
    path.write_bytes(b'"jobs"\n"half\n\xff\xfe\n[1]\n"logs"\n')
    assert lines_of(path) == ["jobs", "logs"]


def test_a_file_that_cannot_be_used_is_told_and_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "h").mkdir()
    history = PersistentHistory(str(tmp_path / "h"))
    assert str(tmp_path / "h") in history.problem
    history.append_string("jobs")
    assert history.get_strings() == ["jobs"]


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("keep me")
    (tmp_path / "h").symlink_to(tmp_path / "other")
    history = PersistentHistory(str(tmp_path / "h"))
    history.append_string("jobs")
    assert history.problem
    assert (tmp_path / "other").read_text() == "keep me"
