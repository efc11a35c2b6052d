"""The keys that move: in the list, in texts, and between them."""

from __future__ import annotations

from luzia_protocol.states import UNSUCCESSFUL_STATES

from luzia_client.cli.show.text import one_line
from luzia_client.tui.top.context import Context

ROWS_AROUND_TEXT = 4


class Moving:
    """Each method is the effect of a key that has its name in keys.py."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._top = context.top
        self._wanted = ""

    def next_urgent(self) -> None:
        """Select the next job that has a question or has failed, from the selected one on and then from the top."""
        cursor, rows = self._top.cursor, self._top.model.rows
        begin = cursor.row + 1
        for row in [*range(begin, len(rows)), *range(begin)]:
            job = self._top.model.get(rows[row].id) if row < len(rows) else None
            if job is not None and (job.question is not None or job.state in UNSUCCESSFUL_STATES):
                cursor.select_row(row)
                cursor.keep_job()
                return
        self._context.say("no job in the list needs you")

    def first(self) -> None:
        """Move to the top."""
        text = self._top.text
        self._top.cursor.select_first() if text is None else text.to_top()

    def last(self) -> None:
        """Move to the end."""
        text = self._top.text
        self._top.cursor.select_row(len(self._top.model.rows) - 1) if text is None else text.to_end()

    def move(self, rows: int) -> None:
        """Move down by `rows`, or up if negative, in the list or the open text."""
        text = self._top.text
        self._top.cursor.move(rows) if text is None else text.scroll(rows)

    def search_text(self) -> None:
        """Ask for words, and show the nearest line with them: the latest of a transcript, the first of a page."""
        self._context.edit("Search: ", self._search)

    def _search(self, words: str) -> None:
        if self._top.text is not None:
            self._top.text.end_search()
        self._wanted = words
        self.search_next()

    def search_next(self) -> None:
        """Show the next line with the words: the next older one of a transcript."""
        self._find(-1 if self._top.page is None else 1)

    def search_previous(self) -> None:
        """Show the previous line with the words: the next newer one of a transcript."""
        self._find(1 if self._top.page is None else -1)

    def _find(self, step: int) -> None:
        text = self._top.text
        if text is None or not self._wanted:
            self._context.say("nothing to search for: press / first")
        elif not text.find(self._wanted, step):
            self._context.say(f"not found: {one_line(self._wanted)}")

    def page_rows(self) -> int:
        """The number of rows of a page."""
        in_list = self._top.text is None
        return max((self._top.cursor.height if in_list else self._context.screen().height - ROWS_AROUND_TEXT) - 1, 1)

    def switch_pane(self) -> None:
        """Switch between the list and the transcript."""
        self._top.cursor.keep_job()
        self._top.transcript_focused = not self._top.transcript_focused

    def zoom(self) -> None:
        """Show the transcript on the full screen, or return."""
        self._top.cursor.keep_job()
        self._top.zoomed = not self._top.zoomed

    def back(self) -> None:
        """Close what is open, unmark all jobs, or clear the filter."""
        top = self._top
        if top.page is not None:
            top.page = None
        elif top.zoomed:
            top.zoomed = False
        elif top.transcript_focused:
            top.transcript_focused = False
        elif top.marks:
            top.marks.clear()
        else:
            top.model.set_filter("")
