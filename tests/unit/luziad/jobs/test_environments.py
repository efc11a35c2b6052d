"""Variables of jobs are kept once for each distinct set, and go with the last job that uses them."""

from __future__ import annotations

from luziad.jobs.environments import Environments


def test_equal_sets_share_a_number() -> None:
    sets = Environments({})
    first, new = sets.add_use({"A": "1", "B": "2"})
    assert new
    assert sets.add_use({"B": "2", "A": "1"}) == (first, False)
    assert sets.add_use({}) == (0, False)
    assert sets.names(first) == ["A", "B"]
    assert sets.names(0) == []


def test_a_set_is_forgotten_with_its_last_job_and_its_number_is_not_used_again() -> None:
    sets = Environments({})
    first, _ = sets.add_use({"A": "1"})
    sets.add_use({"A": "1"})
    assert not sets.release(first)
    assert sets.release(first)
    assert sets.get(first) is None
    assert sets.add_use({"A": "1"}) == (first + 1, True)


def test_sets_that_no_loaded_job_uses_are_told() -> None:
    sets = Environments({3: {"A": "1"}, 5: {"B": "2"}})
    sets.restore_use(5)
    assert sets.drop_unused() == [3]
    assert sets.get(5) == {"B": "2"}
    assert sets.add_use({"A": "1"}) == (6, True)


def test_the_number_of_a_set_that_was_lost_is_not_given_to_another_one() -> None:
    environments = Environments({1: {"A": "b"}})
    environments.restore_use(1)
    environments.restore_use(2)  # a job has it, and the store does not any more
    assert environments.add_use({"C": "d"}) == (3, True)
    assert environments.get(2) is None
