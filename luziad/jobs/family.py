"""Where a job stands among others: its name in a graph, and the jobs that dispatched it. Pure data."""

from __future__ import annotations

from collections.abc import Container, Iterable

import msgspec

from luzia_protocol.jobs import Outcome, RunOf


class Place(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """For the few jobs that have it. node: what the job is called in its graph. tags: the caller's words about it.

    ancestors: the job from inside which it was dispatched is the last one, that one's is before it, and so on.
    run_of: the schedule that dispatched it.
    """

    node: str = ""
    tags: dict[str, str] = {}
    ancestors: tuple[str, ...] = ()
    run_of: RunOf | None = None


ENDED_FROM_OUTSIDE = frozenset(
    (Outcome.CANCELLED, Outcome.TIMED_OUT, Outcome.STALLED, Outcome.OVERDUE, Outcome.OVER_BUDGET)
)
"""The ends of a job that are the end of its sub-jobs, too: somebody or a limit ended it, and not itself."""


class _Below(msgspec.Struct):
    """dispatched: how many jobs ever were below one, as far as anybody remembers. there: how many still are."""

    dispatched: int = 0
    there: int = 0


class Families:
    """Which jobs were dispatched from inside which. Jobs outside of all families cost nothing."""

    def __init__(self) -> None:
        self._children: dict[str, dict[str, None]] = {}
        self._below: dict[str, _Below] = {}

    def add(self, job: str, ancestors: tuple[str, ...]) -> None:
        """Take in a job that was dispatched from inside others."""
        self._children.setdefault(ancestors[-1], {})[job] = None
        for each in ancestors:
            below = self._below.setdefault(each, _Below())
            below.dispatched += 1
            below.there += 1

    def remove(self, job: str, ancestors: tuple[str, ...], there: Container[str]) -> None:
        """Forget a job; `there` has those that remain. What has nothing below it any more is forgotten with it."""
        if ancestors:
            children = self._children[ancestors[-1]]
            del children[job]
            if not children:
                del self._children[ancestors[-1]]
        for each in ancestors:
            self._below[each].there -= 1
            self._drop(each, there)
        self._drop(job, there)

    def children(self, job: str) -> list[str]:
        """The jobs that were dispatched from inside this one, oldest first."""
        return [*self._children.get(job, ())]

    def below(self, jobs: Iterable[str]) -> list[str]:
        """All jobs below these, parents first; each once, also when what was imported is no tree."""
        above = dict.fromkeys(jobs)
        found: dict[str, None] = {}
        waiting = [*above]
        for job in waiting:
            for child in self._children.get(job, ()):
                if child not in above and child not in found:
                    found[child] = None
                    waiting.append(child)
        return [*found]

    def dispatched(self, job: str) -> int:
        """How many jobs it and all below it have dispatched."""
        below = self._below.get(job)
        return 0 if below is None else below.dispatched

    def _drop(self, job: str, there: Container[str]) -> None:
        below = self._below.get(job)
        if below is not None and not below.there and job not in there:
            del self._below[job]
