"""The topological order of a graph's jobs, or the cycle that prevents it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from luziad.jobs.dependencies import find_cycle


def sort_parents_first(parents: Mapping[str, Sequence[str]]) -> list[str]:
    """All names, parents before children, otherwise in the order given; names on or behind a cycle are left out.

    parents: name -> names of its parents; names that are not a key of the mapping are ignored.
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


def find_any_cycle(parents: Mapping[str, Sequence[str]]) -> list[str]:
    """The names on a cycle, each before its parent, the first one again at the end; empty when there is none."""
    in_order = set(sort_parents_first(parents))
    remaining = {name: tuple(each for each in of if each not in in_order) for name, of in parents.items()}
    seen: set[str] = set()
    name = next((name for name in parents if name not in in_order), None)
    while name is not None and name not in seen:  # each remaining name has a remaining parent
        seen.add(name)
        name = next((each for each in remaining[name] if each in parents), None)
    return [] if name is None else find_cycle(name, lambda each: remaining.get(each, ()))
