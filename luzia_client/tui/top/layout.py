"""The division of a terminal's rows. Pure."""

from __future__ import annotations

from typing import NamedTuple

MIN_ROWS_FOR_TRANSCRIPT = 12
"""The least number of rows with which the transcript is shown below the list."""
MIN_ROWS_FOR_TITLES = 7


class Layout(NamedTuple):
    """The first row of each part, from the top; a part ends where the next one starts.

    Row 0 is the header. The titles of the columns follow, the list, and the pane of the selected job; the last row has
    a message or the keys.
    """

    titles: int
    list: int
    pane: int
    bottom: int

    @property
    def list_rows(self) -> int:
        """The number of rows of the list."""
        return self.pane - self.list

    @property
    def pane_rows(self) -> int:
        """The number of rows of the selected job's pane, with its heading."""
        return self.bottom - self.pane


def divide_rows(rows: int, zoomed: bool) -> Layout:
    """The layout of a terminal with this many rows. zoomed: the transcript replaces the list."""
    bottom = max(rows - 1, 1)
    if zoomed:
        return Layout(1, 1, 1, bottom)
    first = 2 if rows >= MIN_ROWS_FOR_TITLES else 1
    if rows < MIN_ROWS_FOR_TRANSCRIPT:
        return Layout(1, first, bottom, bottom)
    return Layout(1, first, first + (bottom - first) * 45 // 100, bottom)
