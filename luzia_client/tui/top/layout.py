"""How the rows of a terminal are divided. Pure."""

from __future__ import annotations

from typing import NamedTuple

MIN_ROWS_FOR_TRANSCRIPT = 12
"""Rows of a terminal from which on the transcript is shown beside the list."""
MIN_ROWS_FOR_TITLES = 7


class Layout(NamedTuple):
    """Row numbers from the top, each part up to where the next begins; an empty part begins where the next does.

    The header is row 0, the titles of the columns follow, the list, and then what is told of the selected job; the last
    row has a message or the keys.
    """

    titles: int
    list: int
    pane: int
    bottom: int

    @property
    def list_rows(self) -> int:
        """Rows for jobs."""
        return self.pane - self.list

    @property
    def pane_rows(self) -> int:
        """Rows for what is told of the selected job, its heading included."""
        return self.bottom - self.pane


def divide_rows(rows: int, zoomed: bool) -> Layout:
    """The layout of a terminal with so many rows. zoomed: the list gives its rows to the transcript."""
    bottom = max(rows - 1, 1)
    if zoomed:
        return Layout(1, 1, 1, bottom)
    first = 2 if rows >= MIN_ROWS_FOR_TITLES else 1
    if rows < MIN_ROWS_FOR_TRANSCRIPT:
        return Layout(1, first, bottom, bottom)
    return Layout(1, first, first + (bottom - first) * 45 // 100, bottom)
