"""Lists of jobs, as `luzia jobs` prints them: a table, chosen columns, or the JSON objects of the wire."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from luzia_protocol import state_names

from luzia_client.cli import exit_codes
from luzia_client.cli.show import wire_jobs
from luzia_client.cli.show.collisions import LEGEND
from luzia_client.cli.show.formatting import NO_JOBS, describe_suspensions, format_counts, format_duration
from luzia_client.cli.show.light_json import format_object
from luzia_client.cli.show.screen import Screen, stdout_screen
from luzia_client.cli.show.text import harmless, harmless_json, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from luzia_protocol.jobs import Job
    from luzia_protocol.states import JobState

DEFAULT_LIMIT = 50
LINES_AROUND_TABLE = 6
"""The counts, the blank line, the titles, the number of jobs left out, and the shell's prompt."""
LINES_AROUND_QUESTIONS = 2
MIN_TABLE_ROWS = 5


class JobQuery:
    """Which jobs to list, in which order. limit: None for no limit.

    pager: whether a terminal gets the list in a pager; None is as configured. for_people: the list is a table on a
    terminal, which shows the totals of the day.
    """

    def __init__(
        self,
        projects: Sequence[str],
        states: Sequence[JobState],
        tags: dict[str, str],
        limit: int | None,
        since: datetime | None = None,
        sort: str = "turn",
        reverse: bool = False,
        parent: str | None = None,
        search: str = "",
        pager: bool | None = None,
    ) -> None:
        self.projects = projects
        self.states = states
        self.tags = tags
        self.limit = limit
        self.since = since
        self.sort = sort
        self.reverse = reverse
        self.parent = parent
        self.search = search
        self.pager = pager
        self.for_people = False

    @property
    def filtered(self) -> bool:
        """True when the query may leave out jobs that exist."""
        return bool(self.projects or self.states or self.tags or self.since or self.parent or self.search)

    def request(self) -> dict[str, Any]:
        """The fields of the request."""
        fields: dict[str, Any] = {"projects": [*self.projects], "states": [*self.states], "tags": self.tags}
        if self.since is not None:
            fields["since"] = self.since.isoformat()
        if self.parent is not None:
            fields["parent"] = self.parent
        if self.search:
            fields["search"] = self.search
        if self.for_people:
            fields["cli"] = True
        return fields | {"sort": self.sort} | ({"reverse": True} if self.reverse else {})


def fetch_pages(query: JobQuery, exchange: wire_jobs.Exchange) -> Iterator[wire_jobs.WirePage]:
    """Request the pages of a list, in the order that the query names."""
    many = query.limit is None or query.limit > wire_jobs.MAX_PAGE
    if many and query.sort == "turn" and not query.reverse:
        return _fetch_all(query, exchange)
    return wire_jobs.fetch_pages(query.request(), query.limit, exchange)


def _fetch_all(query: JobQuery, exchange: wire_jobs.Exchange) -> Iterator[wire_jobs.WirePage]:
    """Request many jobs by turn: the live ones, then all, so that none is missed that changes between two pages."""
    chosen = query.states or (*state_names.LIVE, *state_names.FINAL)
    left = query.limit
    seen: set[str] = set()
    rest: list[dict[str, Any]] = []
    live = [state for state in state_names.LIVE if state in chosen]
    request = query.request()
    for states, sort in ((live, "turn"), (chosen, "created")):
        for page in (
            wire_jobs.fetch_pages({**request, "states": states, "sort": sort}, None, exchange) if states else ()
        ):
            new = [job for job in page.raw if job["id"] not in seen]
            seen.update([job["id"] for job in new])
            if sort == "created":
                rest += new
                new = []
            yield page.with_jobs(new[:left])
            left = None if left is None else max(left - len(new), 0)
    rest.sort(key=lambda job: job.get("ended_at") or "", reverse=True)
    yield page.with_jobs(rest[:left])


def print_jobs_json(query: JobQuery, exchange: wire_jobs.Exchange) -> int:
    """Print the JSON objects of the wire, one per line."""
    for page in fetch_pages(query, exchange):
        for job in page.raw:
            print(harmless_json(format_object(job)))
    return exit_codes.OK


def print_jobs_columns(query: JobQuery, names: Sequence[str], exchange: wire_jobs.Exchange) -> int:
    """Print the columns with these names."""
    query.for_people = stdout_screen().width is not None
    return print_pages_columns(query, names, list(fetch_pages(query, exchange)))


def print_pages_columns(query: JobQuery, names: Sequence[str], pages: Sequence[wire_jobs.WirePage]) -> int:
    """Print the columns of pages that were fetched."""
    from luzia_client.cli.show.columns import format_jobs

    screen = stdout_screen()
    jobs = [job for page in pages for job in page.jobs]
    lines = format_jobs(jobs, names, datetime.now(UTC), screen)
    if not _uses_pager(query, pages[0]):
        _print_lines(lines)
    else:
        from luzia_client.cli.show.pager import paged

        with paged():
            _print_lines(lines)
    return exit_codes.OK


def _print_lines(lines: Iterable[str]) -> None:
    """Print the lines, none if there are none."""
    for line in lines:
        print(line)


def print_latest_jobs(exchange: wire_jobs.Exchange) -> int:
    """Print the live jobs and those that ended most recently: what fits on the terminal, or DEFAULT_LIMIT."""
    print_jobs_table(JobQuery([], [], {}, DEFAULT_LIMIT), exchange, fit=True)
    return exit_codes.OK


def print_jobs_table(
    query: JobQuery, exchange: wire_jobs.Exchange, fit: bool = False, lines_below: int = 0
) -> Sequence[Job]:
    """Print notices, the counts and the table; returns the jobs that it shows.

    fit: limit the table to the height of a terminal. lines_below: how many lines the caller prints after it.
    """
    screen = stdout_screen()
    query.for_people = screen.width is not None
    fit = fit and screen.width is not None
    if fit:
        query.limit = None if query.pager else max(screen.height - LINES_AROUND_TABLE - lines_below, MIN_TABLE_ROWS)
    pages = list(fetch_pages(query, exchange))
    if fit and query.limit is not None and _uses_pager(query, pages[0]):
        query.limit = None
        pages = list(fetch_pages(query, exchange))
    if fit and not _uses_pager(query, pages[0]):
        return _print_table(query, pages, screen, lines_below)
    return print_pages_table(query, pages)


def print_pages_table(query: JobQuery, pages: Sequence[wire_jobs.WirePage]) -> Sequence[Job]:
    """Print the list of pages that were fetched, in a pager if the query wants one."""
    screen = stdout_screen()
    if not _uses_pager(query, pages[0]):
        return _print_table(query, pages, screen, None)
    from luzia_client.cli.show.pager import paged

    with paged():
        return _print_table(query, pages, screen, None)


def _uses_pager(query: JobQuery, page: wire_jobs.WirePage) -> bool:
    """Whether the list is shown in a pager, which a pipe never is."""
    return query.for_people and (page.pager if query.pager is None else query.pager)


def _print_table(
    query: JobQuery, pages: Sequence[wire_jobs.WirePage], screen: Screen, lines_below: int | None
) -> Sequence[Job]:
    """Print the list. lines_below: as in print_jobs_table; None when it may be longer than the screen."""
    from luzia_client.cli.show.tables import format_jobs_table

    jobs = [job for page in pages for job in page.jobs]
    counts = pages[0].counts
    notices = _print_notices(pages[0], screen)
    today = "" if screen.width is None else _format_today(pages[0])
    if lines_below is not None:
        asking = sum(job.question is not None for job in jobs)
        used = LINES_AROUND_TABLE + lines_below + notices + bool(today)
        used += asking + LINES_AROUND_QUESTIONS if asking else 0
        used += any(job.collisions for job in jobs)
        jobs = jobs[: max(screen.height - used, MIN_TABLE_ROWS)]
    print(f"Task Summary:\n  {format_counts(counts, pages[0].held)}")
    if today:
        print(f"  {today}")
    if jobs:
        print()
        print("\n".join(format_jobs_table(jobs, datetime.now(UTC), screen)))
    if screen.width is not None and any(job.collisions for job in jobs):
        print(screen.paint(LEGEND, "dim"))
    if screen.width is not None or query.states == [state_names.WAITING]:
        questions = [f"  {job.id}  {one_line(job.reason or '')}" for job in jobs if job.question is not None]
        print("\n".join(["\nAnswer with `luzia answer ID …`:", *questions, ""] if questions else []), end="")
    if not jobs:
        print("\nNo jobs match." if query.filtered else f"\n{NO_JOBS}")
    _print_omitted(query, len(jobs), counts, screen)
    return jobs


def _format_today(page: wire_jobs.WirePage) -> str:
    """`Today: $1.24, 2h07m running`; empty when nothing has run today."""
    today = page.today
    if not today.running_s:
        return ""
    cost = ""
    if today.cost_usd is not None:
        from luzia_protocol.money import format_usd

        cost = f"{format_usd(today.cost_usd)}, "
    return f"Today: {cost}{format_duration(today.running_s)} running time"


def _print_notices(page: wire_jobs.WirePage, screen: Screen) -> int:
    """Print the notices of the daemon, and what an operator has suspended; returns the number of lines."""
    notices = [harmless(notice) for notice in page.notices]
    suspensions = describe_suspensions(page.queues, datetime.now(UTC))
    notices += [f"{words}; end with `{command}`" for words, command in suspensions]
    for notice in notices:
        print(screen.paint(f"! {notice}", "yellow"))
    return len(notices)


def _print_omitted(query: JobQuery, shown: int, counts: dict[str, int], screen: Screen) -> None:
    total = sum(count for state, count in counts.items() if not query.states or state in query.states)
    if shown >= total or query.tags or query.since or query.parent:  # the number of matching jobs is unknown
        return
    hint = f"… {total - shown} more; show them with --all or a larger --limit"
    if screen.width is None:
        print(hint, file=sys.stderr)  # not in the table that programs read
    else:
        print(screen.paint(hint, "dim"))
