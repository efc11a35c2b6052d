"""Retries: as many as the policy says, after the outcomes that it names, further and further apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from luzia_protocol.jobs import Outcome

from luziad.scheduling.retry.backoff import RetryPolicy, decide

policies = st.builds(
    RetryPolicy,
    retries=st.integers(0, 100),
    on=st.lists(st.sampled_from(Outcome)),
    first_s=st.floats(0.001, 1e6),
    most_s=st.floats(0.001, 1e6),
)
dice = st.floats(0, 1, exclude_max=True)


@given(policies, st.sampled_from(Outcome), st.integers(1, 10_000), dice)
def test_a_retry_comes_for_the_named_outcomes_only_and_not_too_late(
    policy: RetryPolicy, outcome: Outcome, attempt: int, random: float
) -> None:
    delay_s = decide(outcome, policy, attempt, random)
    if outcome not in policy.on or attempt > policy.retries:
        assert delay_s is None
    else:
        assert delay_s is not None
        assert 0 <= delay_s <= policy.most_s
        assert delay_s <= policy.first_s * 2 ** (attempt - 1)


@given(policies, st.sampled_from(Outcome), dice)
def test_a_job_that_never_succeeds_has_exactly_its_retries(
    policy: RetryPolicy, outcome: Outcome, random: float
) -> None:
    attempts = 1
    while decide(outcome, policy, attempts, random) is not None:
        attempts += 1
    assert attempts == 1 + (policy.retries if outcome in policy.on else 0)


@given(policies, st.integers(1, 100), dice, dice)
def test_the_jitter_is_full_and_the_bound_grows(policy: RetryPolicy, attempt: int, one: float, other: float) -> None:
    always = policy._replace(retries=200, on=[Outcome.FAILED])
    early, late = sorted(
        decide(Outcome.FAILED, always, attempt, random) or 0.0 for random in (min(one, other), max(one, other))
    )
    assert early <= late
    assert decide(Outcome.FAILED, always, attempt, 0.0) == 0.0
    bound = decide(Outcome.FAILED, always, attempt, 0.999) or 0.0
    assert bound <= (decide(Outcome.FAILED, always, attempt + 1, 0.999) or 0.0)


def test_the_bound_doubles_until_the_most() -> None:
    policy = RetryPolicy(retries=9, on=[Outcome.FAILED], first_s=2.0, most_s=15.0)
    delays = [decide(Outcome.FAILED, policy, attempt, 0.5) for attempt in range(1, 6)]
    assert delays == [1.0, 2.0, 4.0, 7.5, 7.5]
