"""The state of the screen besides the jobs: selection, open page, prompt, messages. Pure."""

from __future__ import annotations

from luzia_protocol.jobs import Job

from luzia_client.tui.model import JobsModel
from luzia_client.tui.top.cursor import Cursor
from luzia_client.tui.top.layout import Layout, divide_rows
from luzia_client.tui.top.text_view import TextView


class Page:
    """A text that covers the screen."""

    def __init__(self, title: str, text: TextView) -> None:
        self.title = title
        self.text = text


class KeyPrompt:
    """A question that one key answers. keys: key -> answer; any other key aborts."""

    def __init__(self, question: str, keys: dict[str, str]) -> None:
        self.question = question
        self.keys = keys


class TopState:
    """The state of the screen.

    transcript: the output of the selected job's newest attempt; transcript_source: that job and the attempt's number.
    transcript_focused: keys move in the transcript, not in the list. zoomed: the transcript fills the screen.
    page: covers the screen. prompt: the next key answers it. message: the result of the last key.
    connection_error: why the daemon is unreachable, or empty. loading: the list is incomplete. typing: the last row is
    an input line.
    """

    def __init__(self, model: JobsModel) -> None:
        self.model = model
        self.cursor = Cursor(model)
        self.transcript = TextView()
        self.transcript_source: tuple[str, int] | None = None
        self.transcript_focused = False
        self.zoomed = False
        self.page: Page | None = None
        self.prompt: KeyPrompt | None = None
        self.message = ""
        self.connection_error = ""
        self.loading = True
        self.typing = False

    @property
    def job(self) -> Job | None:
        """The selected job."""
        return self.cursor.job

    def show_list(self) -> None:
        """Give the keys to the list, also when the transcript covers it."""
        self.zoomed = self.transcript_focused = False

    def layout(self, rows: int) -> Layout:
        """The layout of the rows, not counting an input line."""
        return divide_rows(rows + self.typing, self.zoomed)

    @property
    def text(self) -> TextView | None:
        """The text in which keys move; None while they move in the list."""
        if self.page is not None:
            return self.page.text
        return self.transcript if self.transcript_focused or self.zoomed else None
