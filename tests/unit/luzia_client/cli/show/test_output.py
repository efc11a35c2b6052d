"""Tables of a few columns fit the terminal without losing what their last column tells."""

from __future__ import annotations

import pytest

from luzia_client.cli.show.output import print_columns
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import width, wrap

HINT = "npm install -g @example/a-rather-long-name-of-a-package, then run `agent` once and log in with /login"
PATH = "/srv/" + "日本語/" * 20 + "end  (missing)"


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("last", [HINT, PATH, ""])
def test_the_last_column_is_wrapped_below_itself(capsys: pytest.CaptureFixture[str], columns: int, last: str) -> None:
    print_columns(("AGENT", "VERSION", "HOW"), [("claude", "-", last)], Screen(width=columns))
    title, *lines = capsys.readouterr().out.splitlines()
    begin = title.index("HOW")
    assert all(width(line) <= columns for line in lines)
    assert all(not line[:begin].strip() for line in lines[1:])
    assert "".join(line[begin:].replace(" ", "") for line in lines) == last.replace(" ", "")


def test_rows_are_cut_where_there_is_no_room_to_wrap(capsys: pytest.CaptureFixture[str]) -> None:
    print_columns(("AGENT", "HOW"), [("a" * 30, HINT)], Screen(width=40))
    assert [len(line) for line in capsys.readouterr().out.splitlines()][1:] == [40]


def test_a_pipe_gets_one_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_columns(("AGENT", "HOW"), [("claude", HINT)], Screen())
    assert capsys.readouterr().out.splitlines()[1:] == [f"claude  {HINT}"]


def test_a_search_path_is_divided_between_its_directories() -> None:
    path = ":".join(f"/usr/local/directory-{number}/bin" for number in range(9))
    lines = wrap(path, 78, ":")
    assert "".join(lines) == path
    assert all(line.endswith("bin:") and len(line) <= 78 for line in lines[:-1])
