"""Says on stderr that a job asks a question or is held, while a command waits for its end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.events import Event, Held, QuestionAsked
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.replies import WaitResult

from luzia_client.api.stream_group import StreamGroup
from luzia_client.api.streams import WaitStream
from luzia_client.cli.show.formatting import format_name
from luzia_client.cli.show.text import one_line

ATTENTION_KINDS = ["asked", "held"]
"""The events that a command has to subscribe to."""


class AttentionReporter:
    """Requests the jobs that may need the user, on the connection of a waiting command, and reports those that do."""

    def __init__(self, streams: StreamGroup) -> None:
        self._streams = streams
        self._requests: set[int] = set()
        self._seqs: dict[str, int] = {}

    def check(self, jobs: Sequence[str]) -> None:
        """Request the jobs, and report those that ask or are held."""
        self._requests.add(self._streams.add(WaitStream(list(jobs), 0.0)))

    def handle_event(self, event: Event) -> None:
        """Check the job of an event that says that it asks or is held."""
        if isinstance(event, QuestionAsked | Held):
            self.check([event.job])

    def handle_item(self, number: int, item: Any) -> bool:
        """Report the jobs of a reply; False if the item belongs to a stream of the command."""
        if number not in self._requests:
            return False
        self._requests.discard(number)
        if isinstance(item, WaitResult):
            for job in item.jobs:
                self.report(job)
        elif isinstance(item, Refused) and item.code is not ErrorCode.UNKNOWN_JOB:
            raise item
        return True

    def report(self, job: Job) -> None:
        """Print what the job needs from the user, if anything, once for each change of it."""
        if job.seq <= self._seqs.get(job.id, 0):
            return
        self._seqs[job.id] = job.seq
        text = format_attention(job)
        if text is not None:
            print(f"luzia: {text}", file=sys.stderr, flush=True)


def format_attention(job: Job) -> str | None:
    """What the job needs from the user, as a line of text; None when it needs nothing."""
    name = format_name(job.node)
    which = f"job {job.id} ({name})" if name else f"job {job.id}"
    if job.state is JobState.WAITING:
        return f"{which} {one_line(job.reason or 'asks a question')}; answer with `luzia answer {job.id} …`"
    if job.held_at is not None:
        return f"{which} is {one_line(job.reason or 'held')}"
    return None
