"""The page of text and the last row of every full screen."""

from __future__ import annotations

import pytest

from luzia_client.cli.show.text import width
from luzia_client.tui.fullscreen.rows import compose_page, message_rows
from luzia_client.tui.fullscreen.state import KeyPrompt, Page, ScreenState
from luzia_client.tui.fullscreen.text_view import Fragments, TextView


def plain(row: Fragments | None) -> str:
    return "".join(text for _, text in row or [])


def state_with_page(lines: int) -> ScreenState:
    state = ScreenState()
    state.page = Page("A page", TextView("\n".join(map(str, range(lines)))))
    state.page.text.to_top()
    return state


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 24])
def test_a_page_fills_the_screen(rows: int) -> None:
    shown = compose_page(state_with_page(100), 40, rows, "Esc close")
    assert len(shown) == (1 if rows < 3 else rows)
    assert plain(shown[0]).startswith(" A page ")
    if rows >= 3:
        assert plain(shown[1]) == "0"
        assert plain(shown[-1]).startswith("Esc close  (more below)")


def test_a_page_that_is_shown_whole_has_nothing_below() -> None:
    shown = compose_page(state_with_page(3), 40, 24, "Esc close")
    assert plain(shown[-1]).rstrip() == "Esc close"


def test_a_prompt_covers_the_message_and_the_message_the_keys() -> None:
    state = state_with_page(3)
    assert message_rows(state, 40) == []
    state.message = "copied\n"
    assert plain(compose_page(state, 40, 24, "Esc close")[-1]).startswith("copied")
    state.prompt = KeyPrompt("Quit? y/N", {})
    assert plain(message_rows(state, 40)[0]).startswith("Quit? y/N")


@pytest.mark.parametrize("task", ["fix the login button on every page", "ログインボタンを直してくださいね"])
@pytest.mark.parametrize("columns", [12, 20, 40])
def test_a_question_that_does_not_fit_still_says_which_keys_answer_it(task: str, columns: int) -> None:
    state = ScreenState()
    state.prompt = KeyPrompt(f"Cancel “{task}” and end all its processes? y/N", {})
    (row,) = message_rows(state, columns)
    assert width(plain(row)) == columns
    assert plain(row).rstrip().endswith("… y/N")


def test_on_a_screen_that_has_no_room_for_both_the_question_is_cut() -> None:
    state = ScreenState()
    state.prompt = KeyPrompt("Quit? y/N", {})
    assert plain(message_rows(state, 4)[0]) == "Qui…"
