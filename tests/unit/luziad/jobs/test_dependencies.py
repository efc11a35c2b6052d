"""Who waits for whom, who is doomed, and where a cycle is: pure functions."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from luzia_protocol.jobs import JobState

from luziad.jobs.dependencies import FAILURES, Dependencies, check_dependencies, describe_failure, find_cycle

NOBODY: dict[str, JobState] = {}
STATES = st.sampled_from(list(JobState))


def test_a_job_waits_for_the_parents_that_have_not_ended() -> None:
    after = Dependencies(completed=("a", "b"), ended=("c",), failed=("d",))
    states = {"a": JobState.RUNNING, "b": JobState.COMPLETED, "c": JobState.QUEUED, "d": JobState.FAILED}
    assert check_dependencies(after, states.get) == (("a", "c"), None)


def test_a_parent_that_was_removed_is_waited_for_no_more() -> None:
    assert check_dependencies(Dependencies(completed=("gone",), failed=("gone too",)), NOBODY.get) == ((), None)


def test_a_parent_that_ended_wrongly_dooms_the_job_and_is_named() -> None:
    waits_for, doomed = check_dependencies(
        Dependencies(completed=("a", "b")), {"a": JobState.RUNNING, "b": JobState.FAILED}.get
    )
    assert waits_for == ()
    assert doomed == "b failed, and this job needed it completed"
    assert (
        describe_failure(Dependencies(failed=("a",)), "a", JobState.COMPLETED, "a")
        == "a completed, and this job was for its failure"
    )
    assert (
        describe_failure(Dependencies(completed=("a",)), "a", JobState.CANCELLED, "build (a)")
        == "build (a) was cancelled, and this job needed it completed"
    )


@given(st.dictionaries(st.sampled_from("abcdef"), STATES), st.lists(st.sampled_from("abcdef")), st.data())
def test_it_waits_is_doomed_or_may_start_and_never_two_of_them(
    states: dict[str, JobState], parents: list[str], data: st.DataObject
) -> None:
    kinds = [data.draw(st.sampled_from(["completed", "ended", "failed"])) for _ in parents]
    after = Dependencies(
        **{kind: tuple(p for p, k in zip(parents, kinds, strict=True) if k == kind) for kind in set(kinds)}
    )
    waits_for, doomed = check_dependencies(after, states.get)
    assert not (waits_for and doomed)
    assert all(not states[parent].is_final for parent in waits_for)
    met = all(
        parent not in states
        or (kind == "completed" and states[parent] is JobState.COMPLETED)
        or (kind == "ended" and states[parent].is_final)
        or (kind == "failed" and states[parent] in FAILURES)
        for parent, kind in zip(parents, kinds, strict=True)
    )
    assert met == (not waits_for and doomed is None)


@given(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=4), max_size=10), st.integers(0, 9))
def test_a_cycle_is_found_when_there_is_one_and_each_step_of_it_is_there(
    graph: dict[int, list[int]], start: int
) -> None:
    parents = {str(name): tuple(map(str, of)) for name, of in graph.items()}
    found = find_cycle(str(start), lambda name: parents.get(name, ()))
    reached, grown = set(parents.get(str(start), ())), True
    while grown:
        more = {each for name in reached for each in parents.get(name, ())} - reached
        grown, reached = bool(more), reached | more
    assert bool(found) == (str(start) in reached)
    if found:
        assert found[0] == found[-1] == str(start)
        assert all(parent in parents[name] for name, parent in pairwise(found))
