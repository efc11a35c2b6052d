"""Which job is selected, and which rows of the list are on the screen. Pure."""

from __future__ import annotations

from luzia_protocol.jobs import Job

from luzia_client.tui.model import JobsModel


class Cursor:
    """Stays on its job wherever that moves in the list.

    top: the first row on the screen. height: rows on the screen, as of the last `settle`.
    """

    def __init__(self, model: JobsModel) -> None:
        self.top = 0
        self.height = 1
        self._model = model
        self._selected: str | None = None
        self._row = 0

    @property
    def job(self) -> Job | None:
        """The selected job; None when the list is empty."""
        self._find()
        return None if self._selected is None else self._model.get(self._selected)

    @property
    def row(self) -> int:
        """Its row in the list."""
        self._find()
        return self._row

    def fit_to_height(self, height: int) -> None:
        """Make the selected row one of the `height` rows on the screen, with no empty ones below the last job."""
        self.height = max(height, 1)
        self._find()
        self.top = min(max(self.top, self._row - self.height + 1), self._row)
        self.top = max(min(self.top, len(self._model.rows) - self.height), 0)

    def move(self, rows: int) -> None:
        """Select the job so many rows further down, or up."""
        self._find()
        self.select_row(self._row + rows)

    def select_row(self, row: int) -> None:
        """Select the job in a row; beyond an end, the job there."""
        self._row = max(min(row, len(self._model.rows) - 1), 0)
        found = self._model.rows[self._row : self._row + 1]
        self._selected = found[0].id if found else None

    def scroll(self, rows: int) -> None:
        """Move the list on the screen; the selection goes along when it would leave it."""
        self._find()
        self.top = max(min(self.top + rows, len(self._model.rows) - self.height), 0)
        self.select_row(max(min(self._row, self.top + self.height - 1), self.top))

    def _find(self) -> None:
        """Where the job is now; when it is gone, the one that has taken its row is selected."""
        row = None if self._selected is None else self._model.row_of(self._selected)
        if row is None:
            self.select_row(self._row)
        else:
            self._row = row
