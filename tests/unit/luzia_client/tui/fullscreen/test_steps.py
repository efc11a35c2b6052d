"""How far each key moves."""

from __future__ import annotations

import pytest

from luzia_client.tui.fullscreen.steps import Steps


@pytest.mark.parametrize(
    ("page", "moved"), [(9, [-1, 1, -9, 9, -4, 4]), (2, [-1, 1, -2, 2, -1, 1]), (1, [-1, 1, -1, 1, -1, 1])]
)
def test_the_keys_move_by_lines_pages_and_half_pages(page: int, moved: list[int]) -> None:
    seen: list[int] = []
    steps = Steps(seen.append, lambda: page)
    for key in ("up", "down", "page_up", "page_down", "half_page_up", "half_page_down"):
        getattr(steps, key)()
    assert seen == moved
