"""The order of a graph's jobs, or the cycle that keeps it from having one. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from luziad.jobs.dependencies import cycle


def parents_first(parents: Mapping[str, Sequence[str]]) -> list[str]:
    """All names, parents before children, else in the order given; names on a cycle or behind one are left out.

    parents: name -> names that it comes after; those that are no key of the mapping do not count.
    """
    waits_for = {name: {each for each in of if each in parents} for name, of in parents.items()}
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, of in waits_for.items():
        for parent in of:
            children[parent].append(name)
    order = [name for name, of in waits_for.items() if not of]
    for name in order:
        for child in children[name]:
            waits_for[child].discard(name)
            if not waits_for[child]:
                order.append(child)
    return order


def a_cycle(parents: Mapping[str, Sequence[str]]) -> list[str]:
    """The names of some cycle, each coming after the next, the first one again at the end; empty when there is none."""
    in_order = set(parents_first(parents))
    left = {name: tuple(each for each in of if each not in in_order) for name, of in parents.items()}
    seen: set[str] = set()
    name = next((name for name in parents if name not in in_order), None)
    while name is not None and name not in seen:  # what is left always has a parent that is left, or lies behind one
        seen.add(name)
        name = next((each for each in left[name] if each in parents), None)
    return [] if name is None else cycle(name, lambda each: left.get(each, ()))
