"""Which jobs wait for which others, and which of them can never run. Pure data and functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from luzia_protocol.jobs import JobState

FAILURES = frozenset({JobState.FAILED, JobState.TIMED_OUT, JobState.LOST})
"""The ends that a job with `failed` waits for. What was cancelled or skipped has not failed."""

StateOf = Callable[[str], JobState | None]


class After(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The jobs, by id, that must end before this one starts.

    completed: successfully, or this one is skipped. ended: in whatever way. failed: badly, or this one is skipped.
    """

    completed: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def parents(self) -> tuple[str, ...]:
        """All of them, each once, in the order given."""
        return tuple(dict.fromkeys((*self.completed, *self.ended, *self.failed)))


NO_PARENTS = After()


class Standing(NamedTuple):
    """How a job stands with its parents.

    waits_for: parents that have not ended; empty when it may start. doomed: why it never can.
    """

    waits_for: tuple[str, ...]
    doomed: str | None


def standing(after: After, state_of: StateOf) -> Standing:
    """How a job stands now. `state_of` gives a parent's state; None is one that was removed, so it has ended well.

    A parent that ends in a way that dooms the job ends the job in the same commit, so a job that still waits was
    not doomed by those that are gone.
    """
    waits: list[str] = []
    for parent in after.parents:
        state = state_of(parent)
        if state is None:
            continue
        if not state.is_final:
            waits.append(parent)
        elif (reason := dooms(after, parent, state)) is not None:
            return Standing((), reason)
    return Standing(tuple(waits), None)


def dooms(after: After, parent: str, state: JobState) -> str | None:
    """Why the end of this parent in this state means that the job never runs; None when it does not."""
    word = state.value.replace("_", " ")
    if parent in after.completed and state is not JobState.COMPLETED:
        return f"{parent} {_was(word)}, and this job needed it completed"
    if parent in after.failed and state not in FAILURES:
        return f"{parent} {_was(word)}, and this job was for its failure"
    return None


def cycle(start: str, parents_of: Callable[[str], tuple[str, ...]]) -> list[str]:
    """A way from `start` over parents back to `start`, as names in that order with `start` at both ends; or nothing."""
    came_from: dict[str, str] = {}
    stack = [start]
    while stack:
        name = stack.pop()
        for parent in parents_of(name):
            if parent == start:
                return [*reversed(_way(name, start, came_from)), start]
            if parent not in came_from:
                came_from[parent] = name
                stack.append(parent)
    return []


def _way(name: str, start: str, came_from: dict[str, str]) -> list[str]:
    way = [name]
    while name != start:
        name = came_from[name]
        way.append(name)
    return way


def _was(word: str) -> str:
    return word if word in ("completed", "failed", "timed out") else f"was {word}"
