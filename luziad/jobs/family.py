"""How a job was dispatched: from which job, graph or schedule; and the tree of jobs and sub-jobs. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable

import msgspec

from luzia_protocol.jobs import Outcome, Race, RunOf


class Origin(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """How a job was dispatched; None for most jobs.

    node: its name, in a graph or of its own. tags: set by the caller. ancestors: the jobs from inside which it was
    dispatched, the nearest one last. run_of: the schedule that dispatched it. race: the race that it is part of.
    """

    node: str = ""
    tags: dict[str, str] = {}
    ancestors: tuple[str, ...] = ()
    run_of: RunOf | None = None
    race: Race | None = None


ENDS_SUB_JOBS = frozenset((Outcome.CANCELLED, Outcome.TIMED_OUT, Outcome.STALLED, Outcome.OVERDUE, Outcome.OVER_BUDGET))
"""The outcomes that end a job's sub-jobs too: a user or a limit ended the job."""


class _Descendants(msgspec.Struct):
    """dispatched: how many sub-jobs a job has had, at all levels. present: how many are in the table."""

    dispatched: int = 0
    present: int = 0


class FamilyTree:
    """Which jobs were dispatched from inside which. Jobs without ancestors and sub-jobs are not in it."""

    def __init__(self) -> None:
        self._children: dict[str, dict[str, None]] = {}
        self._descendants: dict[str, _Descendants] = {}

    def add(self, job: str, ancestors: tuple[str, ...]) -> None:
        """Add a job that was dispatched from inside others."""
        self._children.setdefault(ancestors[-1], {})[job] = None
        for each in ancestors:
            descendants = self._descendants.setdefault(each, _Descendants())
            descendants.dispatched += 1
            descendants.present += 1

    def remove(self, job: str, ancestors: tuple[str, ...], remaining: Container[str]) -> None:
        """Remove a job; `remaining` has the others. Entries of removed jobs without sub-jobs are dropped."""
        if ancestors:
            children = self._children[ancestors[-1]]
            del children[job]
            if not children:
                del self._children[ancestors[-1]]
        for each in ancestors:
            self._descendants[each].present -= 1
            self._drop(each, remaining)
        self._drop(job, remaining)

    def children(self, job: str) -> list[str]:
        """The jobs that were dispatched from inside this one, oldest first."""
        return [*self._children.get(job, ())]

    def descendants(self, jobs: Iterable[str]) -> list[str]:
        """All sub-jobs of these at all levels, parents first; each once, even if imported jobs form no tree."""
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
        """How many sub-jobs the job has dispatched, at all levels."""
        descendants = self._descendants.get(job)
        return 0 if descendants is None else descendants.dispatched

    def _drop(self, job: str, remaining: Container[str]) -> None:
        descendants = self._descendants.get(job)
        if descendants is not None and not descendants.present and job not in remaining:
            del self._descendants[job]
