"""Lists the jobs of this machine and of all configured hosts in one list: `luzia jobs --all-hosts`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, NamedTuple

from luzia_protocol import environment, state_names
from luzia_protocol.errors import LuziaError

from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.show import wire_jobs
from luzia_client.cli.show.columns import parse_columns
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.light_json import format_object
from luzia_client.cli.show.listing import JobQuery, fetch_pages, print_pages_columns, print_pages_table
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import harmless_json
from luzia_client.hosts import link
from luzia_client.hosts.settings import LOCAL, Host, read_hosts
from luzia_client.transport.connection import Connection
from luzia_client.transport.endpoint import REQUEST_TIMEOUT_S

SORTS = {"turn": "", "created": "created_at", "started": "started_at", "ended": "ended_at"}
"""The orders in which lists of several hosts can be joined -> the time that decides."""


class Listed(NamedTuple):
    """page: the jobs of all hosts that reply, each with the field `host`. problems: of the others, by host."""

    page: wire_jobs.WirePage
    problems: dict[str, LuziaError]


def print_all(query: JobQuery, *, as_json: bool, columns: str | None) -> int:
    """Print the list, and the hosts that do not reply on stderr; the exit status then says so as well.

    columns: as for --format.
    """
    if os.environ.get("LUZIA_HOST"):
        raise UsageError("--all-hosts cannot be combined with one host", "Omit --host, or unset LUZIA_HOST.")
    if query.sort not in SORTS:
        raise UsageError(f"--all-hosts cannot be sorted by {query.sort}", f"Sort by {', '.join(SORTS)}.")
    names = parse_columns(columns) if columns is not None else None
    query.for_people = stdout_screen().width is not None
    listed = list_all(query, full_ids=not as_json and names is None)
    if as_json:
        for job in listed.page.raw:
            print(harmless_json(format_object(job)))
    elif names is not None:
        print_pages_columns(query, names, [listed.page])
    else:
        print_pages_table(query, [listed.page])
    for name, problem in listed.problems.items():
        hint = f"{problem.hint} Its jobs are not in this list."
        print_error(f"{name}: {problem.message}", hint, exit_codes.UNREACHABLE)
    return exit_codes.UNREACHABLE if listed.problems else exit_codes.OK


def list_all(query: JobQuery, *, full_ids: bool) -> Listed:
    """Ask all hosts at the same time. full_ids: the ids name their host, for people. Raises HostError."""
    hosts: list[Host | None] = [None, *read_hosts().values()]
    with ThreadPoolExecutor(len(hosts)) as threads:
        answers = list(threads.map(lambda host: _ask(host, query), hosts))
    names = [LOCAL if host is None else host.name for host in hosts]
    problems = {name: answer for name, answer in zip(names, answers, strict=True) if isinstance(answer, LuziaError)}
    pages = {name: answer for name, answer in zip(names, answers, strict=True) if not isinstance(answer, LuziaError)}
    if not pages:
        raise problems[LOCAL]
    jobs = [
        {**job, "host": name, "id": f"{name}/{job['id']}" if full_ids and name != LOCAL else job["id"]}
        for name, page in pages.items()
        for job in page.raw
    ]
    _sort(jobs, query)
    return Listed(_join(pages, jobs[: query.limit]), problems)


def _ask(host: Host | None, query: JobQuery) -> wire_jobs.WirePage | LuziaError:
    """All pages of one host as one, or why there is none."""
    try:
        path = environment.socket_path() if host is None else link.open_link(host).socket
        with closing(Connection.open(path, autostart=True)) as connection:

            def exchange(line: bytes) -> bytes:
                connection.send(line)
                answer = connection.receive(REQUEST_TIMEOUT_S)
                if host is not None:
                    wire_jobs.check_reply("list", answer)
                return answer

            pages = list(fetch_pages(query, exchange))
    except LuziaError as exc:
        return exc
    return pages[0].with_jobs([job for page in pages for job in page.raw])


def _sort(jobs: list[dict[str, Any]], query: JobQuery) -> None:
    """Join the lists: those of each host are in the order of the query already."""
    if field := SORTS[query.sort]:
        jobs.sort(key=lambda job: job.get(field) or "", reverse=not query.reverse)
        return
    live = [job for job in jobs if job["state"] in state_names.LIVE]
    ended = [job for job in jobs if job["state"] not in state_names.LIVE]
    live.sort(key=lambda job: _turn(job["state"]))
    ended.sort(key=lambda job: job.get("ended_at") or "", reverse=True)
    jobs[:] = [*live, *ended]
    if query.reverse:
        jobs.reverse()


def _turn(state: str) -> int:
    """Those that need an answer come first, then those in progress, then the queued ones."""
    return 0 if state == state_names.WAITING else 2 if state == state_names.QUEUED else 1


def _join(pages: dict[str, wire_jobs.WirePage], jobs: Sequence[dict[str, Any]]) -> wire_jobs.WirePage:
    joined = next(iter(pages.values())).with_jobs(list(jobs))
    joined.counts = dict(sum((Counter(page.counts) for page in pages.values()), Counter()))
    joined.held = sum(page.held for page in pages.values())
    joined.notices = [f"{name}: {notice}" for name, page in pages.items() for notice in page.notices]
    costs = [page.today.cost_usd for page in pages.values() if page.today.cost_usd is not None]
    running_s = sum(page.today.running_s for page in pages.values())
    joined.today = wire_jobs.WireObject({"running_s": running_s, "cost_usd": sum(costs) if costs else None})
    joined.next = None
    return joined
