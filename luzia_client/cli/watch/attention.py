"""Says on stderr that a job asks a question or is held, while a command waits for its end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence

from luzia_protocol.errors import LuziaError
from luzia_protocol.jobs import Job, JobState

from luzia_client.api.client import Client
from luzia_client.cli.show.text import one_line

MAX_CHECKED = 100
"""The number of given jobs whose state is requested at first; the events of all of them are followed."""


def report_attention(
    socket: str, ids: Sequence[str] = (), projects: Sequence[str] = (), tags: Mapping[str, str] | None = None
) -> None:
    """Report in the background, on a connection of its own, until the process ends.

    ids: these jobs; empty for all jobs of the projects and with the tags.
    """
    threading.Thread(target=_report, args=(socket, ids, projects, tags or {}), daemon=True).start()


def format_attention(job: Job) -> str | None:
    """What the job needs from the user, as a line of text; None when it needs nothing."""
    if job.state is JobState.WAITING:
        return f"job {job.id} {one_line(job.reason or 'asks a question')}; answer with `luzia answer {job.id} …`"
    if job.held_at is not None:
        return f"job {job.id} is {one_line(job.reason or 'held')}"
    return None


def _report(socket: str, ids: Sequence[str], projects: Sequence[str], tags: Mapping[str, str]) -> None:
    try:
        with Client(socket, autostart=False) as client:
            seq = client.list_jobs(limit=1).seq
            if ids:
                jobs = [client.get_job(job) for job in ids[:MAX_CHECKED]]
            else:
                jobs = list(client.iter_jobs(projects, [JobState.WAITING, JobState.QUEUED], tags=tags))
            for job in jobs:
                _print(job)
            names = [job.id for job in jobs] + [*ids[MAX_CHECKED:]] if ids else []
            for event in client.subscribe(after=seq, jobs=names, projects=projects, kinds=["asked", "held"]):
                job = client.get_job(event.job)
                if tags.items() <= job.tags.items():
                    _print(job)
    except LuziaError:
        pass  # the command itself reports what is wrong


def _print(job: Job) -> None:
    text = format_attention(job)
    if text is not None:
        print(f"luzia: {text}", file=sys.stderr, flush=True)
