"""The selected job, and the visible rows of the list. Pure."""

from __future__ import annotations

from luzia_protocol.jobs import Job

from luzia_client.tui.model import JobsModel


class Cursor:
    """Stays in the first row until the user moves it or uses its job, then on its job when that moves in the list.

    top: the first visible row. height: the number of visible rows, as of the last `fit_to_height`.
    """

    def __init__(self, model: JobsModel) -> None:
        self.top = 0
        self.height = 1
        self._model = model
        self._selected: str | None = None
        self._row = 0
        self._at_first = True

    @property
    def job(self) -> Job | None:
        """The selected job; None if the list is empty."""
        self._find()
        return None if self._selected is None else self._model.get(self._selected)

    @property
    def row(self) -> int:
        """Its row in the list."""
        self._find()
        return self._row

    def fit_to_height(self, height: int) -> None:
        """Scroll so that the selected row is among `height` visible rows, without empty rows at the end."""
        self.height = max(height, 1)
        self._find()
        self.top = min(max(self.top, self._row - self.height + 1), self._row)
        self.top = max(min(self.top, len(self._model.rows) - self.height), 0)

    def keep_job(self) -> None:
        """Stay on the selected job from now on."""
        self._find()
        self._at_first = False

    def select_first(self) -> None:
        """Select the first row, and stay there."""
        self.select_row(0)
        self._at_first = True

    def move(self, rows: int) -> None:
        """Move the selection down by `rows`, or up if negative."""
        self._find()
        self.select_row(self._row + rows)

    def select_row(self, row: int) -> None:
        """Select the job in a row, or the nearest one beyond the ends."""
        self._at_first = self._at_first and not self._model.rows
        self._row = max(min(row, len(self._model.rows) - 1), 0)
        found = self._model.rows[self._row : self._row + 1]
        self._selected = found[0].id if found else None

    def scroll(self, rows: int) -> None:
        """Scroll the list; the selection stays visible."""
        self._find()
        self.top = max(min(self.top + rows, len(self._model.rows) - self.height), 0)
        self.select_row(max(min(self._row, self.top + self.height - 1), self.top))

    def _find(self) -> None:
        """Update the row of the job; if the job is gone, select the one in its row."""
        if self._at_first:
            self.select_first()
            return
        row = None if self._selected is None else self._model.row_of(self._selected)
        if row is None:
            self.select_row(self._row)
        else:
            self._row = row
