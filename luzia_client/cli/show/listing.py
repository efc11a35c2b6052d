"""The lists of `luzia jobs`: the table, columns that somebody chose, or the wire's own objects."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from luzia_protocol.states import JobState

from luzia_client.cli import exit_codes
from luzia_client.cli.show import wire_jobs
from luzia_client.cli.show.formatting import FINAL_STATES, LIVE_STATES, format_counts
from luzia_client.cli.show.queues import describe_suspensions
from luzia_client.cli.show.screen import Screen, stdout_screen
from luzia_client.cli.show.text import harmless, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from luzia_protocol.jobs import Job


class JobQuery:
    """Which jobs, and in which order. limit: None is all of them. sort: None is live ones first, then the newest."""

    def __init__(
        self,
        projects: Sequence[str],
        states: Sequence[JobState],
        tags: dict[str, str],
        limit: int | None,
        since: datetime | None = None,
        sort: str | None = None,
        reverse: bool = False,
        parent: str | None = None,
    ) -> None:
        self.projects = projects
        self.states = states
        self.tags = tags
        self.limit = limit
        self.since = since
        self.sort = sort
        self.reverse = reverse
        self.parent = parent

    @property
    def filtered(self) -> bool:
        """Whether any job may be missing that is remembered."""
        return bool(self.projects or self.states or self.tags or self.since or self.parent)

    def request(self) -> dict[str, Any]:
        """The fields of the request."""
        found: dict[str, Any] = {"projects": [*self.projects], "states": [*self.states], "tags": self.tags}
        if self.since is not None:
            found["since"] = self.since.isoformat()
        if self.parent is not None:
            found["parent"] = self.parent
        if self.sort is not None:
            found["sort"] = self.sort
        return found | ({"reverse": True} if self.reverse else {})


def fetch_pages(wanted: JobQuery) -> Iterator[wire_jobs.WirePage]:
    """The pages of a listing.

    With a limit, and neither states nor an order asked for, live jobs come before ended ones, so that none is
    crowded out.
    """
    if wanted.limit is None or wanted.states or wanted.sort or wanted.reverse:
        yield from wire_jobs.fetch_pages(wanted.request(), wanted.limit)
        return
    left = wanted.limit
    for group in (LIVE_STATES, FINAL_STATES):
        for page in wire_jobs.fetch_pages({**wanted.request(), "states": group}, left) if left > 0 else ():
            left -= len(page.raw)
            yield page


def print_jobs_json(wanted: JobQuery) -> int:
    """Print the jobs as the wire has them, one a line."""
    for page in fetch_pages(wanted):
        for job in page.raw:
            print(json.dumps(job, ensure_ascii=False, separators=(",", ":")))
    return exit_codes.OK


def print_jobs_columns(wanted: JobQuery, names: Sequence[str]) -> int:
    """Print chosen columns."""
    from luzia_client.cli.show.columns import format_jobs

    jobs = [job for page in fetch_pages(wanted) for job in page.jobs]
    for line in format_jobs(jobs, names, datetime.now(UTC), stdout_screen()):
        print(line)
    return exit_codes.OK


def print_jobs_table(wanted: JobQuery) -> int:
    """Print the counts and the table."""
    from luzia_client.cli.show.tables import format_jobs_table

    screen = stdout_screen()
    jobs: list[Job] = []
    counts: dict[JobState, int] = {}
    for number, page in enumerate(fetch_pages(wanted)):
        jobs += page.jobs
        if number == 0:
            counts = page.counts
            _print_notices(page, screen)
    print(f"Task Summary:\n  {format_counts(counts)}")
    if jobs:
        print()
        print("\n".join(format_jobs_table(jobs, datetime.now(UTC), screen)))
    if screen.width is not None or wanted.states == [JobState.WAITING]:
        asked = [f"  {job.id}  {harmless(one_line(job.reason or ''))}" for job in jobs if job.question is not None]
        print("\n".join(["\nAnswer with `luzia answer ID …`:", *asked, ""] if asked else []), end="")
    if not jobs:
        empty = 'No jobs yet. The first one: luzia . "what is to be done"'
        print("\nNo job matches." if wanted.filtered else f"\n{empty}")
    _print_omitted(wanted, len(jobs), counts, screen)
    return exit_codes.OK


def _print_notices(page: wire_jobs.WirePage, screen: Screen) -> None:
    """What an operator should know before anything else."""
    for notice in page.notices:
        print(screen.paint(f"! {harmless(notice)}", "yellow"))
    for words, command in describe_suspensions(page.queues, datetime.now(UTC)):
        print(screen.paint(f"! {words}; `{command}`", "yellow"))


def _print_omitted(wanted: JobQuery, shown: int, counts: dict[JobState, int], screen: Screen) -> None:
    total = sum(count for state, count in counts.items() if not wanted.states or state in wanted.states)
    if shown >= total or wanted.tags or wanted.since or wanted.parent:  # how many jobs these leave, nobody counts
        return
    hint = f"… {total - shown} more; to see them add --all or a larger --limit"
    if screen.width is None:
        print(hint, file=sys.stderr)  # programs that read the table need not step over it
    else:
        print(screen.paint(hint, "dim"))
