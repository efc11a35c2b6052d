"""The state of the screen besides the jobs: selection, division of the rows, open page, prompt, messages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from luzia_protocol.jobs import Job
from luzia_protocol.replies import DaemonInfo

from luzia_client.hosts.job_ids import host_of, id_here, id_there
from luzia_client.hosts.settings import LOCAL
from luzia_client.tui.fullscreen.state import ConnectionState, ScreenState
from luzia_client.tui.fullscreen.text_view import TextView
from luzia_client.tui.model import JobsModel
from luzia_client.tui.top.keys import Where

MIN_ROWS_FOR_TRANSCRIPT = 12
"""The least number of rows with which the transcript is shown below the list."""
MIN_ROWS_FOR_TITLES = 7


class Layout(NamedTuple):
    """The rows of the header, and the first row of each further part; a part ends where the next one starts.

    Row 0 is the header, and row 1 has the alerts if there are any. The titles of the columns follow, the list, and the
    pane of the selected job; the last row has a message or the keys.
    """

    header: int
    list: int
    pane: int
    bottom: int

    @property
    def has_titles(self) -> bool:
        """Whether the titles of the columns have a row."""
        return self.list > self.header

    @property
    def list_rows(self) -> int:
        """The number of rows of the list."""
        return self.pane - self.list

    @property
    def pane_rows(self) -> int:
        """The number of rows of the selected job's pane, with its heading."""
        return self.bottom - self.pane


def divide_rows(rows: int, zoomed: bool, alerts: bool) -> Layout:
    """The layout of a terminal with this many rows.

    zoomed: the transcript replaces the list. alerts: there are any; a low terminal has them in the header.
    """
    bottom = max(rows - 1, 1)
    header = 2 if alerts and rows >= MIN_ROWS_FOR_TRANSCRIPT else 1
    if zoomed:
        return Layout(header, header, header, bottom)
    first = header + 1 if rows >= MIN_ROWS_FOR_TITLES else header
    if rows < MIN_ROWS_FOR_TRANSCRIPT:
        return Layout(header, first, bottom, bottom)
    return Layout(header, first, first + (bottom - first) * 45 // 100, bottom)


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


class HostView(ConnectionState):
    """What is known of a host. daemon: the status of its daemon, None before it is known."""

    def __init__(self) -> None:
        super().__init__()
        self.daemon: DaemonInfo | None = None


class TopState(ScreenState):
    """The state of the screen.

    marks: the ids of the marked jobs. columns: the names of the chosen columns; empty for those that fit the screen.
    widths: those of the columns, as far as they depend on what was shown. shown_rows: the row of the list that each
    screen row of the list shows, None for a heading. hosts: by name; this machine is first, and is often the only one.
    transcript: the output of the selected job's newest attempt; transcript_source: that job and the attempt's number.
    transcript_focused: keys move in the transcript, not in the list. zoomed: the transcript fills the screen.
    rows: those of the screen, as it was drawn last.
    """

    def __init__(self, model: JobsModel, others: Iterable[str] = ()) -> None:
        super().__init__()
        self.model = model
        self.hosts = {name: HostView() for name in (LOCAL, *others)}
        self.cursor = Cursor(model)
        self.marks: set[str] = set()
        self.columns: Sequence[str] = ()
        self.widths: dict[str, int] = {}
        self.shown_rows: Sequence[int | None] = ()
        self.transcript = TextView()
        self.transcript_source: tuple[str, int] | None = None
        self.transcript_focused = False
        self.zoomed = False
        self.rows = 0

    @property
    def job(self) -> Job | None:
        """The selected job."""
        return self.cursor.job

    def layout(self, rows: int) -> Layout:
        """The layout of the rows, not counting an input line."""
        return divide_rows(rows + self.typing, self.zoomed, self.has_alerts)

    @property
    def here(self) -> HostView:
        """This machine."""
        return self.hosts[LOCAL]

    @property
    def has_others(self) -> bool:
        """Whether the list has other hosts besides this machine."""
        return len(self.hosts) > 1

    @property
    def is_loading(self) -> bool:
        """Whether the list lacks jobs of a host that can be reached."""
        return any(host.loading and not host.connection_error for host in self.hosts.values())

    def is_away(self, job: Job) -> bool:
        """Whether the job is that of another host which cannot be reached: it is shown as it was last known."""
        host = host_of(job.id)
        return self.has_others and host != LOCAL and bool(self.hosts[host].connection_error)

    def short_id(self, job: Job) -> str:
        """The job's id without its host, as far as it is the only job in the list that has this one."""
        short = id_there(job.id)
        others = (id_here(host, short) for host in self.hosts if host != host_of(job.id))
        return job.id if any(self.model.get(other) is not None for other in others) else short

    @property
    def has_alerts(self) -> bool:
        """Whether the user should know of something that is not normal."""
        if self.model.notices or self.model.usage_limited_count:
            return True
        if any(queues.everything or queues.projects or queues.draining for queues in self.model.queues.values()):
            return True
        for host in self.hosts.values():
            limited = host.daemon is not None and (host.daemon.usage_limits or host.daemon.held_agents)
            if host.connection_error or limited:
                return True
        return False

    @property
    def marked(self) -> list[Job]:
        """The marked jobs, in no order."""
        return self.model.get_all(self.marks)

    @property
    def jobs(self) -> list[Job]:
        """The jobs on which keys act, in no order: the marked ones, or else the selected one."""
        return self.marked or ([self.job] if self.job is not None else [])

    @property
    def where(self) -> Where:
        """What has the keys."""
        if self.page is not None:
            return Where.PAGE
        return Where.TRANSCRIPT if self.text is not None else Where.LIST

    @property
    def text(self) -> TextView | None:
        """The text in which keys move; None while they move in the list."""
        if self.page is not None:
            return self.page.text
        return self.transcript if self.transcript_focused or self.zoomed else None
