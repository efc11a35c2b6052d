"""Which jobs wait for which others, and which of them can never run. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import NamedTuple, cast

import msgspec

from luzia_protocol.jobs import JobState, Review

FAILURES = frozenset({JobState.FAILED, JobState.TIMED_OUT, JobState.LOST})
"""The states that satisfy a dependency on a failure. A cancelled or skipped job has not failed."""

Standing = JobState | Review
"""What dependents see of a job: its state, or of a completed one that is reviewed, what was decided about its work."""
StandingOf = Callable[[str], Standing | None]


class Dependencies(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The ids of the jobs that must end before this one starts.

    completed: they must complete, or this job is skipped. ended: they may end in any state.
    failed: they must fail, or this job is skipped.
    """

    completed: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def parents(self) -> tuple[str, ...]:
        """All of them, each once, in the order given."""
        return tuple(dict.fromkeys((*self.completed, *self.ended, *self.failed)))


NO_DEPENDENCIES = Dependencies()


class DependencyCheck(NamedTuple):
    """The state of a job's dependencies.

    pending: parents that have not ended; empty when the job may start. failure: why it can never start.
    """

    pending: tuple[str, ...]
    failure: str | None


def standing(state: JobState, review: Review | None) -> Standing:
    """What dependents see of a job in this state. review: None for a job that needs no decision."""
    if state is JobState.COMPLETED and review in (Review.WANTED, Review.REJECTED):
        return review
    return state


def is_pending(parent: Standing) -> bool:
    """Whether a job that depends on this one has to wait."""
    return parent is Review.WANTED if isinstance(parent, Review) else not parent.is_final


def check_dependencies(
    dependencies: Dependencies, state_of: StandingOf, name_of: Callable[[str], str] = str
) -> DependencyCheck:
    """Check a job's dependencies. `state_of` gives a parent's standing, None when it was removed: it satisfies then.

    name_of: what a parent is called in `failure`; by default its id.

    A parent whose end cannot satisfy the job ends the job in the same commit, so a job that still waits was not
    affected by the parents that were removed.
    """
    pending: list[str] = []
    for parent in dependencies.parents:
        state = state_of(parent)
        if state is None:
            continue
        if is_pending(state):
            pending.append(parent)
        elif (failure := describe_failure(dependencies, parent, state, name_of(parent))) is not None:
            return DependencyCheck((), failure)
    return DependencyCheck(tuple(pending), None)


def describe_failure(dependencies: Dependencies, parent: str, state: Standing, name: str) -> str | None:
    """Why the job can never run after this parent, called `name`, has ended like this; None when it can."""
    word = state.value.replace("_", " ")
    if parent in dependencies.completed and state is Review.REJECTED:
        return f"{name} was rejected, and this job needed it accepted"
    if parent in dependencies.completed and state is not JobState.COMPLETED:
        return f"{name} {_was(word)}, and this job needed it completed"
    if parent in dependencies.failed and state not in FAILURES:
        return f"{name} {_was(word)}, and this job was for its failure"
    return None


def find_revived(start: str, skipped: Mapping[str, Dependencies], state_of: StandingOf) -> Iterator[str | None]:
    """The skipped jobs that can run after all when `start` runs again, parents first; None after each step between.

    They were skipped because of how it ended, or because of each other. skipped: all skipped jobs.
    """
    children: dict[str, list[str]] = {}
    for job, dependencies in skipped.items():
        for parent in dependencies.parents:
            children.setdefault(parent, []).append(job)
        yield None
    again = {start}
    pending = deque([start])
    while pending:
        for job in children.get(pending.popleft(), ()):
            doomed_by = set() if job in again else _doomed_by(skipped[job], state_of)
            if doomed_by and doomed_by <= again:
                again.add(job)
                pending.append(job)
                yield job
            else:
                yield None


def _doomed_by(dependencies: Dependencies, state_of: StandingOf) -> set[str]:
    """The parents after whose end the job can never run."""
    return {
        parent
        for parent in dependencies.parents
        if (state := state_of(parent)) is not None
        and not is_pending(state)
        and describe_failure(dependencies, parent, state, parent) is not None
    }


def find_cycle(start: str, parents_of: Callable[[str], tuple[str, ...]]) -> list[str]:
    """A path from `start` over parents back to `start`, which is at both ends; empty when there is none."""
    search = search_cycle(start, parents_of)
    while True:
        try:
            next(search)
        except StopIteration as end:
            return cast(list[str], end.value)


def search_cycle(start: str, parents_of: Callable[[str], tuple[str, ...]]) -> Generator[None, None, list[str]]:
    """Return what find_cycle does, and yield before each job, for there may be millions of dependencies."""
    came_from: dict[str, str] = {}
    stack = [start]
    while stack:
        name = stack.pop()
        yield
        for parent in parents_of(name):
            if parent == start:
                return [*reversed(_path(name, start, came_from)), start]
            if parent not in came_from:
                came_from[parent] = name
                stack.append(parent)
    return []


def _path(name: str, start: str, came_from: dict[str, str]) -> list[str]:
    path = [name]
    while name != start:
        name = came_from[name]
        path.append(name)
    return path


def _was(word: str) -> str:
    return word if word in ("completed", "failed", "timed out") else f"was {word}"
