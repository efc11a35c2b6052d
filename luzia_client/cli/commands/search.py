"""Find jobs by words in their tasks, their agents' last messages, names of changed files and transcripts.

The newest jobs are listed first.

All words must be found in the same attempt. Case and accents are ignored. An argument with spaces is a phrase; a
trailing * matches any ending of its last word. Only the beginning and the end of a long transcript are searched.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from luzia_protocol.replies import SearchPage
from luzia_protocol.searching import MAX_HITS, Hit
from luzia_protocol.states import JobState

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import (
    add_json,
    add_project_filter,
    add_since,
    parse_positive,
    parse_states,
)
from luzia_client.cli.args.selection import add_tag_option
from luzia_client.cli.show.formatting import format_agent, format_relative, format_state
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.screen import Screen, stdout_screen
from luzia_client.cli.show.text import cut, format_quantity, harmless, one_line

EXAMPLES = (
    ("luzia search deadlock", "find jobs that mention deadlock"),
    ("luzia search 'connection reset' 'retr*' -p overbits", "find a phrase, and words that begin with retr"),
    ("luzia search TypeError --state failed --since 7d --json", "print recent matches as JSON, one object per line"),
)
DEFAULT_LIMIT = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("words", nargs="*", metavar="WORD", help="words and phrases to find; all of them must match")
    selection = parser.add_argument_group("Selection")
    add_project_filter(selection)
    selection.add_argument(
        "-a", "--agent", action="append", default=[], metavar="A", help="only jobs of this agent (repeatable)"
    )
    selection.add_argument(
        "--state",
        action="append",
        default=[],
        type=parse_states,
        metavar="S",
        help=f"only jobs in these states, separated by commas (repeatable): {', '.join(JobState)}",
    )
    add_tag_option(selection, "only jobs with this tag (repeatable)")
    selection.add_argument("--parent", metavar="ID", help="only the sub-jobs of this job")
    add_since(selection, "7d")
    number = selection.add_mutually_exclusive_group()
    number.add_argument(
        "-n", "--limit", type=parse_positive, metavar="N", help=f"at most N jobs (default: {DEFAULT_LIMIT})"
    )
    number.add_argument("--all", action="store_true", help="all jobs")
    parser.add_argument("--rebuild", action="store_true", help="rebuild the index from all jobs and their output")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        if args.rebuild:
            return _rebuild(client, args)
        if not args.words:
            raise UsageError("nothing to search for", "Give words, for example: luzia search deadlock")
        return _search(client, args)


def _rebuild(client: Client, args: argparse.Namespace) -> int:
    if args.words:
        raise UsageError("--rebuild cannot be combined with words", "Search when the index has been built.")
    begun = client.rebuild_search_index()
    if args.json:
        print_json(begun)
    else:
        print(f"Indexing {format_quantity(begun.indexing, 'job')}. A search says how many are left.")
    return exit_codes.OK


def _search(client: Client, args: argparse.Namespace) -> int:
    screen, now = stdout_screen(), datetime.now(UTC)
    wanted = None if args.all else args.limit or DEFAULT_LIMIT
    cursor: int | None = None
    shown = 0
    while True:
        page = client.search_jobs(
            " ".join(map(_quoted, args.words)),
            projects=args.project,
            states=[state for group in args.state for state in group],
            agents=args.agent,
            tags=dict(args.tag),
            parent=args.parent,
            since=args.since,
            limit=MAX_HITS if wanted is None else min(wanted - shown, MAX_HITS),
            cursor=cursor,
        )
        for hit in page.hits:
            if args.json:
                print_json(hit)
            else:
                print("\n".join(_describe(hit, screen, now)))
        shown += len(page.hits)
        cursor = page.next
        if cursor is None or (wanted is not None and (shown >= wanted or not page.complete)):
            break
    if not shown and not args.json:
        print("No jobs match.")
    for remark in _remarks(page, shown):
        print(f"luzia: {harmless(remark)}", file=sys.stderr)
    return exit_codes.OK


def _quoted(word: str) -> str:
    """The words of an argument as a phrase, if it has spaces and no quotation marks of its own."""
    if '"' in word or not any(each.isspace() for each in word):
        return word
    return f'"{word[:-1]}"*' if word.endswith("*") else f'"{word}"'


def _describe(hit: Hit, screen: Screen, now: datetime) -> list[str]:
    about = f"{format_relative(hit.created_at, now)}  {harmless(hit.project)}  {format_agent(hit.agent)}"
    head = f"{hit.job}  {about}  {format_state(hit.state)}  {one_line(hit.task, 100)}"
    if screen.width is not None:
        head = cut(head, screen.width)
    place = f"transcript of attempt {hit.attempt}" if hit.where == "transcript" else hit.where
    marked = "".join(
        (screen.paint(harmless(each.text), "bold yellow") if screen.colour else f"*{harmless(each.text)}*")
        if each.found
        else harmless(each.text)
        for each in hit.excerpt
    )
    bold = screen.paint(hit.job, "bold") + head[len(hit.job) :] if head.startswith(hit.job) else head
    return [bold, f"  {screen.paint(place, 'dim')}: {marked.strip()}"]


def _remarks(page: SearchPage, shown: int) -> list[str]:
    found = []
    if not page.complete:
        found.append("the search has met its time limit; use more or rarer words, or --since")
    elif page.next is not None:
        found.append(f"only the newest {shown} are shown; use --limit or --all")
    if page.pending:
        found.append(f"{format_quantity(page.pending, 'job')} not indexed yet")
    if page.dropped:
        found.append("the oldest jobs are not indexed: the index has reached daemon.max_search_bytes")
    if page.problem is not None:
        found.append(page.problem)
    return found
