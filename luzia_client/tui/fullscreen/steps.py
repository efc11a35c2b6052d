"""The keys that move by lines and pages, in whatever has the keys."""

from __future__ import annotations

from collections.abc import Callable


class Steps:
    """Each method is the effect of a key that has its name in a table of keys.

    move: moves by rows, up if negative. page_rows: the number of rows of a page, at least 1.
    """

    def __init__(self, move: Callable[[int], None], page_rows: Callable[[], int]) -> None:
        self._move = move
        self._page_rows = page_rows

    def up(self) -> None:
        """Move up by one."""
        self._move(-1)

    def down(self) -> None:
        """Move down by one."""
        self._move(1)

    def page_up(self) -> None:
        """Move up by one page."""
        self._move(-self._page_rows())

    def page_down(self) -> None:
        """Move down by one page."""
        self._move(self._page_rows())

    def half_page_up(self) -> None:
        """Move up by half a page."""
        self._move(-max(self._page_rows() // 2, 1))

    def half_page_down(self) -> None:
        """Move down by half a page."""
        self._move(max(self._page_rows() // 2, 1))
