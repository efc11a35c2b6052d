"""Where a job stands that has more than one attempt, or waits for its next one. Pure data, times are epoch seconds."""

from __future__ import annotations

import msgspec


class Again(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the job's fate keeps of it; most jobs have none.

    asked_at, first: when a person last asked for the job anew, and the number of the attempt that this made.
    retries, most: attempts that the policy has added since, and how many it may. not_before: the moment of the
    attempt to come; 0 is at once, whatever else was asked.
    """

    asked_at: float | None = None
    first: int = 1
    retries: int = 0
    most: int = 0
    not_before: float | None = None

    @property
    def what(self) -> str:
        """The attempt to come, in words."""
        return f"retry {self.retries} of {self.most}"
