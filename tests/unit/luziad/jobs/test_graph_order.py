"""The order of a graph's jobs, and its cycles."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from luziad.jobs.graph_order import find_any_cycle, sort_parents_first

NAMES = st.sampled_from("abcdefgh")
GRAPHS = st.dictionaries(NAMES, st.lists(NAMES, max_size=4))


def test_parents_come_first_and_otherwise_the_order_stays() -> None:
    assert sort_parents_first({"c": ["a", "b"], "a": [], "x": ["elsewhere"], "b": ["a"]}) == ["a", "x", "b", "c"]


def test_a_cycle_is_named_from_one_job_to_the_next() -> None:
    assert find_any_cycle({"a": ["b"], "b": ["c"], "c": ["b"], "d": []}) in (["b", "c", "b"], ["c", "b", "c"])
    assert find_any_cycle({"a": ["a"]}) == ["a", "a"]


@given(GRAPHS)
def test_a_graph_has_either_an_order_of_all_its_jobs_or_a_cycle(parents: dict[str, list[str]]) -> None:
    order, found = sort_parents_first(parents), find_any_cycle(parents)
    assert (len(order) == len(parents)) == (not found)
    place = {name: number for number, name in enumerate(order)}
    for name in order:
        assert all(place[parent] < place[name] for parent in parents[name] if parent in parents)
    if found:
        assert found[0] == found[-1]
        assert len(found) > 1
        assert all(parent in parents[name] for name, parent in pairwise(found))


def test_a_long_chain_is_ordered_without_recursion() -> None:
    chain = {str(number): [str(number + 1)] for number in range(20_000)}
    assert sort_parents_first(chain)[0] == "19999"
    assert find_any_cycle(chain | {"20000": ["0"]})[0] in chain | {"20000": []}
