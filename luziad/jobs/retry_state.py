"""Where a job stands that has more than one attempt, or waits for its next one. Pure data, times are epoch seconds."""

from __future__ import annotations

import msgspec

from luziad.clocks.clock import Steady


class Given(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What an attempt goes on with: an agent's session, and what to say in it; None is to go on where it stopped."""

    session: str
    message: str | None = None


class Again(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the job's fate keeps of it; most jobs have none.

    asked_at, first: when a person last asked for the job anew, and the number of the attempt that this made.
    retries, most: attempts that the policy has added since, and how many it may. overloads: those that an overloaded
    server was worth. limits: those that came after usage limits. not_before: the moment of the attempt to come;
    0 is at once, whatever else was asked. limited_until: when the limit that it met is over.
    asked, start, limited, begun: steady moments, of asked_at, not_before, limited_until where that was counted in
    seconds, and the start of the first attempt where the job has a timeout.
    given: what the attempt to come goes on with. messages: follow-ups that come after it, in their order.
    """

    asked_at: float | None = None
    first: int = 1
    retries: int = 0
    most: int = 0
    overloads: int = 0
    limits: int = 0
    not_before: float | None = None
    limited_until: float | None = None
    given: Given | None = None
    messages: tuple[str, ...] = ()
    what: str = ""
    """The attempt to come, in words: `retry 2 of 3`."""
    asked: Steady | None = None
    start: Steady | None = None
    limited: Steady | None = None
    begun: Steady | None = None
