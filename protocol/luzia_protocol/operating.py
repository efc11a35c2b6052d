"""What an operator asks for: holding jobs back, pausing queues, draining. A change here is a change of the protocol:
see version.py.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from luzia_protocol.base import Base


class Hold(Base, tag="hold"):
    """Keep a queued job from starting until it is released; asking twice is harmless. Answered by replies.JobChange."""

    job: str


class Release(Base, tag="release"):
    """Let a queued job start that was held; harmless when it was not. Answered by replies.JobChange."""

    job: str


class PauseQueue(Base, tag="pause_queue"):
    """Start nothing of a project until it is resumed; `project` None is everything. Answered by QueueChange.

    running: also pause what runs.
    """

    project: str | None = None
    running: bool = True


class ResumeQueue(Base, tag="resume_queue"):
    """Start jobs of a project again; `project` None is everything, with every project. Answered by QueueChange.

    running: also resume what is paused.
    """

    project: str | None = None
    running: bool = True


class Drain(Base, tag="drain"):
    """Start nothing and let what runs end, until the daemon is stopped or restarted. Answered by QueueChange.

    end: start jobs again instead.
    """

    end: bool = False


class Queues(msgspec.Struct, frozen=True):
    """What an operator has stopped, and since when; all None and empty when jobs start as they can.

    everything: nothing starts. projects: by name, those of which nothing starts. draining: see Drain.
    """

    everything: datetime | None = None
    projects: dict[str, datetime] = {}
    draining: datetime | None = None


class QueueChange(msgspec.Struct, frozen=True):
    """What is stopped now, and the jobs that the request has paused or resumed."""

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
