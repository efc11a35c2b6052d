"""The keys that move in the changes and between the jobs, and that change what is shown of them."""

from __future__ import annotations

from luzia_client.cli.show.text import one_line
from luzia_client.tui.review.changes import Kind, Row
from luzia_client.tui.review.context import Context
from luzia_client.tui.review.waiting import Order

SIDE_STEP = 16
"""The columns by which the lines are moved to the left or to the right."""
MAX_LEFT = 2000


class Moving:
    """Each method is the effect of a key that has its name in keys.py."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._state = context.state

    def first(self) -> None:
        """Move to the top."""
        if self._state.page is not None:
            self._state.page.text.to_top()
        elif self._state.entry is not None:
            self._state.entry.view.selected = 0

    def last(self) -> None:
        """Move to the end."""
        if self._state.page is not None:
            self._state.page.text.to_end()
        elif (entry := self._state.entry) is not None:
            entry.view.selected = max(len(entry.view.rows) - 1, 0)

    def move(self, rows: int) -> None:
        """Move down, or up if negative, in the changes or in the open page."""
        if self._state.page is not None:
            self._state.page.text.scroll(rows)
        elif self._state.entry is not None:
            self._state.entry.view.move(rows)

    def page_rows(self) -> int:
        """The number of rows of a page."""
        entry = self._state.entry
        return max((1 if entry is None else entry.view.height) - 1, 1)

    def show_left(self) -> None:
        """Move the lines to the right."""
        self._shift(-SIDE_STEP)

    def show_right(self) -> None:
        """Move the lines to the left."""
        self._shift(SIDE_STEP)

    def _shift(self, columns: int) -> None:
        if (entry := self._state.entry) is not None:
            entry.left = max(min(entry.left + columns, MAX_LEFT), 0)

    def next_file(self) -> None:
        """Select the next file."""
        self._step((Kind.FILE,), 1, "this is the last file")

    def previous_file(self) -> None:
        """Select the previous file, or the heading of this one."""
        self._step((Kind.FILE,), -1, "this is the first file")

    def next_hunk(self) -> None:
        """Select the next hunk."""
        self._step((Kind.HUNK,), 1, "this is the last hunk")

    def previous_hunk(self) -> None:
        """Select the previous hunk, or the heading of this one."""
        self._step((Kind.HUNK,), -1, "this is the first hunk")

    def _step(self, kinds: tuple[Kind, ...], step: int, end: str) -> None:
        entry = self._context.changed_entry()
        if entry is not None and not entry.view.move_to(kinds, step):
            self._context.say(end)
        elif entry is not None:
            entry.view.top = entry.view.selected if step < 0 else max(entry.view.selected - 1, 0)

    def next_job(self) -> None:
        """Show the next job."""
        self._show_job(1)

    def previous_job(self) -> None:
        """Show the previous job."""
        self._show_job(-1)

    def _show_job(self, step: int) -> None:
        if not self._state.waiting.step(step):
            self._context.say("no other job waits")

    def fold(self) -> None:
        """Fold the file or the hunk of the selected row, or unfold it."""
        entry = self._context.changed_entry()
        row = None if entry is None else entry.view.row
        if entry is not None and row is not None:
            entry.fold(row if row.kind is not Kind.NOTE else Row(Kind.FILE, row.file))

    def fold_all(self) -> None:
        """Fold all files, or unfold them."""
        if (entry := self._context.changed_entry()) is not None:
            entry.fold_all()

    def toggle_sides(self) -> None:
        """Show both sides beside each other, or one column."""
        self._state.sides = not self._state.side_by_side

    def change_order(self) -> None:
        """Order the jobs by project, as they can be merged, or oldest first."""
        orders = [*Order]
        order = orders[(orders.index(self._state.waiting.order) + 1) % len(orders)]
        if order is Order.MERGES:
            self._context.say("trying the merges of all jobs…")
            self._context.run(self._plan_merges())
        else:
            self._order(order)

    async def _plan_merges(self) -> None:
        waiting = self._state.waiting
        waiting.planned = await self._context.engine.plan_merges([entry.job for entry in waiting.entries])
        self._order(Order.MERGES)

    def _order(self, order: Order) -> None:
        waiting = self._state.waiting
        current = waiting.current
        waiting.order = order
        if current is not None:
            waiting.select(current.job.id)
        self._context.say(str(order))

    def search(self) -> None:
        """Ask for words, and select the next line with them."""
        self._context.edit("Search: ", self._search)

    def _search(self, words: str) -> None:
        self._state.wanted = words
        self.search_next()

    def search_next(self) -> None:
        """Select the next line with the words; after the last one, the first."""
        wanted = self._state.wanted.casefold()
        entry = self._context.changed_entry()
        if entry is None:
            return
        if not wanted:
            self._context.say("nothing to search for: press / first")
        elif not entry.find(wanted):
            self._context.say(f"not found in what is unfolded: {one_line(wanted)}")

    def back(self) -> None:
        """Close what is open, or take all marks away."""
        if self._state.page is not None:
            self._state.page = None
        elif self._state.entry is not None:
            self._state.entry.marks.clear()
