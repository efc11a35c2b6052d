"""How long an attempt has been paused, which its timeout does not count."""

from __future__ import annotations

import msgspec


class Pauses(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The pauses of one attempt, in seconds of the clock that stands still while the machine sleeps.

    since_s: when it was paused; None while it runs. total_s: the length of the pauses that are over.
    """

    since_s: float | None = None
    total_s: float = 0.0

    def begun(self, now_s: float) -> Pauses:
        """Paused now, or still."""
        return self if self.since_s is not None else Pauses(now_s, self.total_s)

    def over(self, now_s: float) -> Pauses:
        """Running again."""
        return Pauses(None, self.so_far_s(now_s))

    def so_far_s(self, now_s: float) -> float:
        """All pauses together, the one that goes on included."""
        return self.total_s + (0.0 if self.since_s is None else max(0.0, now_s - self.since_s))


NONE = Pauses()
