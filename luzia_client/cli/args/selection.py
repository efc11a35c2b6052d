"""Which jobs a command is about: ids, or all that match a project, states and tags; and asking before much is done."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Iterator, Sequence

from luzia_protocol.states import JobState

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import parse_states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_protocol.jobs import Job

    from luzia_client.api.client import Client

MAX_UNCONFIRMED = 10
"""So many ids are a large selection, which is asked about as well."""


def add_selection(parser: argparse.ArgumentParser, verb: str) -> None:
    """Ids or filters, and not to be asked. verb: what is done to the jobs, for the help."""
    add_filters(parser, verb)
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def add_filters(parser: argparse.ArgumentParser, verb: str) -> None:
    """Ids or filters. verb: what is done to the jobs, for the help."""
    parser.add_argument(
        "ids", nargs="*", metavar="ID", help="a job's id, the beginning or end of one, agent:…, or @last"
    )
    parser.add_argument("--project", action="append", default=[], metavar="P", help=f"{verb} all jobs of this project")
    parser.add_argument(
        "--state", action="append", default=[], type=parse_states, metavar="S", help=f"{verb} all jobs in these states"
    )
    add_tag_option(parser, f"{verb} all jobs with this tag")
    parser.add_argument("--all", action="store_true", help=f"{verb} all jobs for which that is possible")


def add_tag_option(parser: argparse.ArgumentParser, text: str) -> None:
    """The option `--tag`."""
    parser.add_argument("--tag", action="append", default=[], type=parse_tag, metavar="KEY=VALUE", help=text)


def parse_tag(text: str) -> tuple[str, str]:
    """A tag for argparse."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is no tag: write KEY=VALUE")
    return key, value


def has_filters(args: argparse.Namespace) -> bool:
    """Whether any filter is given."""
    return bool(args.project or args.state or args.tag or args.all)


def iter_matching(client: Client, args: argparse.Namespace, states: Collection[JobState] = ()) -> Iterator[Job]:
    """The jobs that the filters let through, newest first. states: instead of those of the filter."""
    wanted = states or [state for group in args.state for state in group]
    return client.iter_jobs(args.project, [*wanted], tags=dict(args.tag))


def select_ids(
    client: Client,
    args: argparse.Namespace,
    verb: str,
    possible: Collection[JobState],
    where: Callable[[Job], bool] | None = None,
) -> list[str]:
    """The ids of the jobs that are meant, after asking when they are many or were not named.

    verb: "cancel". possible, where: the states of jobs for which that can be done, and which of these jobs; named
    jobs are left to the daemon.
    Raises UsageError when nothing is meant, or when nobody can be asked.
    """
    wanted = {state for group in args.state for state in group}
    filtered = has_filters(args)
    if args.ids and filtered:
        raise UsageError("an ID names the job: --project, --state, --tag and --all do not go with it")
    if args.ids:
        if len(args.ids) >= MAX_UNCONFIRMED:
            confirm(f"{verb} {len(args.ids)} jobs", args.yes)
        return list(args.ids)
    if not filtered:
        raise UsageError(f"which jobs? Nothing says what to {verb}", "Name ids, or --project, --state, --tag or --all.")
    states = [state for state in JobState if state in possible and (not wanted or state in wanted)]
    if not states:
        words = ", ".join(sorted(wanted))
        raise UsageError(f"there is nothing to {verb} about jobs that are {words}")
    jobs = [job.id for job in iter_matching(client, args, states) if where is None or where(job)]
    if jobs:
        confirm(f"{verb} {len(jobs)} job{'s' if len(jobs) > 1 else ''}: {format_ids(jobs)}", args.yes)
    else:
        print("No job matches.", file=sys.stderr)
    return jobs


def format_ids(jobs: Sequence[str]) -> str:
    """The first few of them."""
    return ", ".join(jobs[:3]) + (", …" if len(jobs) > 3 else "")


def confirm(what: str, yes: bool) -> None:
    """Raise UsageError unless the user means it."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"this would {what}", "Say --yes when that is meant.")
    sys.stderr.write(f"{what[0].upper()}{what[1:]}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was done")
