"""The job's state machine is total: every state and trigger moves, is ignored, or raises."""

from __future__ import annotations

import itertools

import pytest

from luzia_protocol.jobs import FINAL_STATES, OUTCOME_STATES, JobState, Outcome

from luziad.jobs.lifecycle import ENDS, IGNORED, TRANSITIONS, IllegalTransitionError, Trigger, next_state

ALL = list(itertools.product(JobState, Trigger))


@pytest.mark.parametrize(("state", "trigger"), ALL, ids=lambda value: value.value)
def test_every_pair_moves_or_is_ignored_or_raises_and_nothing_else(state: JobState, trigger: Trigger) -> None:
    pair = (state, trigger)
    assert not (pair in TRANSITIONS and pair in IGNORED)
    if pair in TRANSITIONS:
        assert next_state(state, trigger) is TRANSITIONS[pair]
    elif pair in IGNORED:
        assert next_state(state, trigger) is None
    else:
        with pytest.raises(IllegalTransitionError) as caught:
            next_state(state, trigger)
        assert (caught.value.state, caught.value.trigger) == pair


def test_a_final_state_is_left_by_a_retry_or_a_user_who_attaches_only() -> None:
    ways = {(state, trigger) for state, trigger in TRANSITIONS if state in FINAL_STATES}
    assert ways == {(state, trigger) for state in FINAL_STATES for trigger in (Trigger.RETRY, Trigger.ATTACH)}


def test_every_state_can_be_reached_and_every_live_state_can_end() -> None:
    reached = {JobState.QUEUED}
    while more := {after for (state, _), after in TRANSITIONS.items() if state in reached} - reached:
        reached |= more
    assert reached == set(JobState)
    for state in set(JobState) - FINAL_STATES:
        assert any(TRANSITIONS.get((state, end)) in FINAL_STATES for end in ENDS)


def test_every_outcome_leads_to_a_final_state_that_has_a_trigger() -> None:
    assert set(OUTCOME_STATES) == set(Outcome)
    for state in OUTCOME_STATES.values():
        assert ENDS[Trigger(state.value)] is state
