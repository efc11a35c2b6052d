"""What the effects of keys have in common: the job that is shown, and git."""

from __future__ import annotations

from luzia_client.tui.fullscreen.context import ScreenContext, Terminal
from luzia_client.tui.review.engine import ReviewEngine
from luzia_client.tui.review.entry import Entry
from luzia_client.tui.review.state import ReviewState


class Context(ScreenContext):
    """The screen, as far as the effects of keys use it."""

    def __init__(self, state: ReviewState, engine: ReviewEngine, terminal: Terminal) -> None:
        super().__init__(state, terminal)
        self.state = state
        self.engine = engine

    def entry(self) -> Entry | None:
        """The job that is shown; says so if there is none."""
        entry = self.state.entry
        if entry is None:
            self.say("no job is shown")
        return entry

    def changed_entry(self) -> Entry | None:
        """The job that is shown, if its changes are known; says so if not."""
        entry = self.entry()
        if entry is None:
            return None
        if entry.work is None:
            self.say(entry.problem or "its changes are still being read")
            return None
        return entry
