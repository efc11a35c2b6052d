"""What operators use: holding jobs, pausing queues, draining, snapshots.

A change here is a change of the protocol: see version.py.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from luzia_protocol.base import Base, JobRequest


class Hold(JobRequest, tag="hold"):
    """Keep a queued job from starting until it is released. Idempotent. Answered by replies.JobChange."""


class Release(JobRequest, tag="release"):
    """Allow a held job to start. Idempotent. Answered by replies.JobChange."""


class PauseQueue(Base, tag="pause_queue"):
    """Start no more jobs of a project, or of all with None, until it is resumed. Answered by QueueChange.

    running: pause the running ones, too.
    """

    project: str | None = None
    running: bool = True


class ResumeQueue(Base, tag="resume_queue"):
    """Start jobs of a project again, or of everything and every project with None. Answered by QueueChange.

    running: resume the paused ones, too.
    """

    project: str | None = None
    running: bool = True


class ResumeAgent(Base, tag="resume_agent"):
    """Start jobs of an agent again that wait because of its account. Answered by QueueChange.

    It ends the wait for a usage limit, and the hold after a failure of the account. `jobs`: those that have waited.
    """

    agent: str


class Drain(Base, tag="drain"):
    """Start no more jobs and let the running ones finish, until the daemon restarts. Answered by QueueChange.

    end: end a drain instead.
    """

    end: bool = False


QueueRequest = Hold | Release | PauseQueue | ResumeQueue | ResumeAgent | Drain


class Queues(msgspec.Struct, frozen=True):
    """What is paused, and since when; all None and empty when jobs start normally.

    everything: no jobs start. projects: those of which no jobs start, by name. draining: see Drain.
    """

    everything: datetime | None = None
    projects: dict[str, datetime] = {}
    draining: datetime | None = None


class QueueChange(msgspec.Struct, frozen=True):
    """What is paused now, and the jobs that the request has paused or resumed."""

    queues: Queues
    jobs: list[str] = []


class Snapshot(msgspec.Struct, frozen=True):
    """A snapshot of the job store, as `luziad --snapshots` prints it. problem: why it cannot be restored, or None."""

    file: str
    taken_at: datetime
    size_bytes: int
    jobs: int | None
    schema: int | None
    problem: str | None
