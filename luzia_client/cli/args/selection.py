"""Selects the jobs that a command applies to, by id or by project, state and tag, and confirms large selections."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from luzia_protocol.states import JobState

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import ID_HELP, add_project_filter, parse_states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_protocol.jobs import Job

    from luzia_client.api.client import Client

MAX_UNCONFIRMED = 10
"""This many ids need a confirmation."""


def add_selection(parser: argparse.ArgumentParser, verb: str) -> None:
    """Add ids, filters and `--yes`. verb: what the command does to the jobs, for the help."""
    add_filters(parser, verb)
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask for confirmation")


def add_filters(parser: argparse.ArgumentParser, verb: str) -> None:
    """Add ids and filters. verb: what the command does to the jobs, for the help."""
    parser.add_argument("ids", nargs="*", metavar="ID", help=ID_HELP)
    add_project_filter(parser, f"{verb} the jobs of a project")
    parser.add_argument(
        "--state", action="append", default=[], type=parse_states, metavar="S", help=f"{verb} the jobs in these states"
    )
    add_tag_option(parser, f"{verb} the jobs with this tag")
    parser.add_argument("--all", action="store_true", help=f"{verb} all jobs whose state allows it")


def add_tag_option(parser: argparse._ActionsContainer, text: str) -> None:
    """Add the option `--tag`."""
    parser.add_argument("--tag", action="append", default=[], type=parse_tag, metavar="KEY=VALUE", help=text)


def parse_tag(text: str) -> tuple[str, str]:
    """A tag for argparse."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"invalid tag '{text}': write KEY=VALUE")
    return key, value


def has_filters(args: argparse.Namespace) -> bool:
    """Whether any filter is given."""
    return bool(args.project or args.state or args.tag or args.all)


def iter_matching(client: Client, args: argparse.Namespace, states: Collection[JobState] = ()) -> Iterator[Job]:
    """The jobs that match the filters, newest first. states: instead of those of the filter."""
    chosen = states or [state for group in args.state for state in group]
    return client.iter_jobs(args.project, [*chosen], tags=dict(args.tag))


def select_ids(
    client: Client,
    args: argparse.Namespace,
    verb: str,
    possible: Collection[JobState],
    condition: Callable[[Job], bool] | None = None,
) -> list[str]:
    """The selected jobs, oldest first, none before those it depends on; confirmed if many or selected by a filter.

    verb: "cancel". possible, condition: which jobs a filter may select; ids that are given are for the daemon to check.
    Raises UsageError without a selection, and without a confirmation.
    """
    chosen = {state for group in args.state for state in group}
    filtered = has_filters(args)
    if args.ids and filtered:
        raise UsageError("IDs cannot be combined with --project, --state, --tag or --all")
    if args.ids:
        if len(args.ids) >= MAX_UNCONFIRMED:
            confirm(f"{verb} {len(args.ids)} jobs", args.yes)
        return list(args.ids) if len(args.ids) == 1 else _sort_ids(client, args.ids)
    if not filtered:
        raise UsageError(
            f"no jobs to {verb}", "Give IDs (@last is your newest job), or use --project, --state, --tag or --all."
        )
    states = [state for state in JobState if state in possible and (not chosen or state in chosen)]
    if not states:
        raise UsageError(f"cannot {verb} jobs in these states: {', '.join(sorted(chosen))}")
    jobs = parents_first(job for job in iter_matching(client, args, states) if condition is None or condition(job))
    if jobs:
        confirm(f"{verb} {len(jobs)} job{'s' if len(jobs) > 1 else ''}: {format_ids(jobs)}", args.yes)
    else:
        print("No jobs match.", file=sys.stderr)
    return jobs


def parents_first(jobs: Iterable[Job]) -> list[str]:
    """The ids of the jobs, oldest first, but none before a job that it depends on or was dispatched from."""
    waits_for = {
        job.id: (*job.after, *job.after_any, *job.after_fail, *([] if job.parent is None else [job.parent]))
        for job in sorted(jobs, key=lambda job: job.created_at)
    }
    order: dict[str, None] = {}
    for oldest in waits_for:
        path = {oldest: None}
        while path:
            last = next(reversed(path))
            missing = (each for each in waits_for[last] if each in waits_for and each not in order)
            parent = next((each for each in missing if each not in path), None)
            if parent is None:
                order[last] = path.pop(last)
            else:
                path[parent] = None
    return list(order)


def _sort_ids(client: Client, names: Sequence[str]) -> list[str]:
    """Given ids as those of jobs in the order of `parents_first`; unknown ones are last, for the daemon to refuse."""
    # Only here: `luzia jobs` loads this module and must be fast.
    from luzia_protocol.errors import Refused
    from luzia_protocol.replies import StatusResult
    from luzia_protocol.requests import Status

    from luzia_client.api.pipeline import exchange_each

    found: dict[str, Job] = {}
    unknown: list[str] = []
    client.disconnect()
    replies = exchange_each(client.socket, (Status(job=name) for name in names), StatusResult)
    for name, reply in zip(names, replies, strict=True):
        if isinstance(reply, Refused):
            unknown.append(name)
        else:
            found[reply.job.id] = reply.job
    return [*parents_first(found.values()), *unknown]


def format_ids(jobs: Sequence[str]) -> str:
    """The first few ids."""
    return ", ".join(jobs[:3]) + (", …" if len(jobs) > 3 else "")


def confirm(what: str, yes: bool) -> None:
    """Ask the user for confirmation, unless `yes`; raises UsageError without one."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"this would {what}", "Pass --yes to confirm.")
    from luzia_client.cli.args.prompts import agrees

    if not agrees(f"{what[0].upper()}{what[1:]}?"):
        raise UsageError("aborted", "Nothing has been changed.")
