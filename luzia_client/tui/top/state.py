"""What the screen shows, apart from the jobs themselves: what is selected, open, asked and said. Pure."""

from __future__ import annotations

from luzia_protocol.jobs import Job

from luzia_client.tui.model import JobsModel
from luzia_client.tui.top.cursor import Cursor
from luzia_client.tui.top.layout import Layout, divide_rows
from luzia_client.tui.top.text_view import TextView


class Page:
    """A text that lies over the list. title: what it is. of: the id of the job that it is about."""

    def __init__(self, title: str, text: TextView, of: str = "") -> None:
        self.title = title
        self.text = text
        self.of = of


class KeyPrompt:
    """A question to be answered by one key. keys: what each key stands for; any other one calls it off."""

    def __init__(self, question: str, keys: dict[str, str]) -> None:
        self.question = question
        self.keys = keys


class TopState:
    """The state of the screen.

    transcript: of the selected job's newest attempt; `transcript_of` is that job with the attempt's number.
    in_transcript: keys move there, and not in the list. zoomed: it has the whole screen. page: what lies over it all.
    choice: a key is waited for. message: what the last key came to. away: why no daemon answers, empty while one does.
    loading: the list is still being read. typing: a line to type in has the last row.
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

    def layout(self, rows: int) -> Layout:
        """How the rows are divided that are left when a line is typed."""
        return divide_rows(rows + self.typing, self.zoomed)

    @property
    def text(self) -> TextView | None:
        """The text that keys move in; None while they move in the list."""
        if self.page is not None:
            return self.page.text
        return self.transcript if self.transcript_focused or self.zoomed else None
