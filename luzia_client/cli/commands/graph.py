"""Dispatch a graph of jobs that depend on one another, or draw the graph of a job."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from luzia_protocol.jobs import Job

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args import job_files
from luzia_client.cli.args.parser import add_detach, add_inner_json, add_json
from luzia_client.cli.commands.batch import choose_host, dispatch_entries
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.formatting import STATE_COLOURS, format_elapsed, format_status
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.screen import Screen, stdout_screen
from luzia_client.cli.show.text import cut, one_line

EXAMPLES = (
    ("luzia graph run release.toml", "dispatch the jobs of a file; each starts when its dependencies allow"),
    ("luzia graph show @last", "draw the graph with the states of its jobs"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "luzia graph [--json] run FILE | show ID"
    add_json(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", prog="luzia graph", required=True)
    text = "Dispatch all jobs of a TOML or JSON file, or none of them if one is refused."
    run_it = actions.add_parser("run", help="dispatch all jobs of a TOML or JSON file, or none", description=text)
    run_it.add_argument("file", metavar="FILE", help="a graph in TOML or JSON; - reads stdin")
    run_it.add_argument(
        "--key",
        metavar="KEY",
        help="idempotency key: dispatching again with the same KEY does not create a second graph",
    )
    add_detach(run_it)
    text = "Draw the graph that a job belongs to."
    show = actions.add_parser("show", help="draw the graph that a job belongs to", description=text)
    show.add_argument("job", metavar="ID", help="any job of the graph")
    for action in (run_it, show):
        add_inner_json(action)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if args.action == "run":
        return _run_file(args)
    with Client() as client:
        shown = client.get_graph(args.job)
    if args.json:
        for job in shown.jobs:
            print_json(job)
        return exit_codes.OK
    print("\n".join(draw_graph(shown.jobs, stdout_screen(), datetime.now(UTC))))
    if shown.cut:
        print(f"… truncated: a drawing shows at most {len(shown.jobs)} jobs")
    return exit_codes.OK


def _run_file(args: argparse.Namespace) -> int:
    source = "stdin" if args.file == "-" else args.file
    graph = job_files.parse_graph(job_files.read_file(args.file), source)
    choose_host(graph, source)
    with Client() as client:
        created, status = dispatch_entries(client, graph, args.key, args.parent)
    if created is None:
        return print_error(f"{source}: no jobs dispatched", "Correct the file.", status)
    if args.json:
        print_json(created)
        return exit_codes.OK
    widest = max(map(len, created.jobs))
    for name, job_name in created.jobs.items():
        print(f"{name:<{widest}}  {job_name}")
    return exit_codes.OK


def draw_graph(jobs: list[Job], screen: Screen, now: datetime) -> list[str]:
    """Draw a graph as a tree: a job is below the last job that it depends on, and lists the others.

    jobs: parents before children.
    """
    known = {job.id: job for job in jobs}
    order = {job.id: number for number, job in enumerate(jobs)}
    below: dict[str, list[Job]] = {}
    tops: list[Job] = []
    for job in jobs:
        parents = sorted((each for each in _parents(job) if each in known), key=order.__getitem__)
        below.setdefault(parents[-1], []).append(job) if parents else tops.append(job)
    lines: list[str] = []
    stack = [(job, "", "", "") for job in reversed(tops)]
    last, more, pipe = ("└─ ", "├─ ", "│  ") if screen.blocks else ("`- ", "|- ", "|  ")
    while stack:
        job, lead, branch, inner = stack.pop()
        lines.append(_line(job, lead + branch, known, below, screen, now))
        children = below.get(job.id, [])
        for number, child in enumerate(reversed(children)):
            is_last = number == 0
            stack.append((child, lead + inner, last if is_last else more, "   " if is_last else pipe))
    return lines


def _line(
    job: Job, lead: str, known: dict[str, Job], below: dict[str, list[Job]], screen: Screen, now: datetime
) -> str:
    name = one_line(job.node or job.task, 40)
    elapsed = "" if job.started_at is None else f"  {format_elapsed(job, now)}"
    others = [_name(known[each]) for each in _parents(job) if each in known and job not in below.get(each, [])]
    also = f"  (also after {', '.join(others)})" if others else ""
    status = format_status(job, screen)
    for parent in _parents(job):
        if parent in known:
            called = _name(known[parent])
            status = status.replace(f"{called} ({parent})", called).replace(parent, called)
    words = f"{lead}{name}  {job.id}  {status}{elapsed}{also}"
    return screen.paint(words if screen.width is None else cut(words, screen.width), STATE_COLOURS[job.state])


def _name(job: Job) -> str:
    return one_line(job.node, 40) if job.node else job.id


def _parents(job: Job) -> list[str]:
    return [*job.after, *job.after_any, *job.after_fail]
