"""The keys that mark hunks and files, and place comments on lines."""

from __future__ import annotations

from luzia_client.tui.review.changes import Kind, Row
from luzia_client.tui.review.context import Context
from luzia_client.tui.review.entry import Entry


class Marking:
    """Each method is the effect of a key that has its name in keys.py."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def mark(self) -> None:
        """Mark the hunk of the selected line, or the file of a heading, or take the mark away."""
        if (found := self._selected()) is not None:
            entry, row = found
            entry.mark(row)

    def comment(self) -> None:
        """Write a comment on the selected line, or change it."""
        if (found := self._selected()) is None:
            return
        entry, row = found
        if row.kind not in (Kind.LINE, Kind.COMMENT):
            self._context.say("a comment is about a line: move to one first")
            return
        place = row.place

        def entered(text: str) -> None:
            if text.strip():
                entry.comments[place] = text.strip()
            else:
                entry.comments.pop(place, None)

        self._context.edit("Comment: ", entered, text=entry.comments.get(place, ""))

    def delete_comment(self) -> None:
        """Delete the comment on the selected line."""
        if (found := self._selected()) is None:
            return
        entry, row = found
        if entry.comments.pop(row.place, None) is None:
            self._context.say("there is no comment on this line")

    def _selected(self) -> tuple[Entry, Row] | None:
        """The job and the selected row of its changes; says so if there is none."""
        entry = self._context.changed_entry()
        if entry is None or (row := entry.view.row) is None:
            return None
        return entry, row
