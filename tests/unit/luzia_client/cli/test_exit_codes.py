from __future__ import annotations

import pytest

from luzia_protocol.jobs import FINAL_STATES, Outcome

from luzia_client.cli import exit_codes


def test_every_final_state_has_a_status_of_its_own() -> None:
    assert set(exit_codes.BY_STATE) == FINAL_STATES
    assert len(set(exit_codes.BY_STATE.values())) == len(FINAL_STATES)


@pytest.mark.parametrize(
    ("states", "status"),
    [
        (["completed"], 0),
        (["completed", "skipped"], 8),
        (["cancelled", "skipped"], 5),
        (["timed_out", "cancelled"], 6),
        (["failed", "timed_out", "completed"], 1),
        (["lost", "failed"], 7),
        ([], 0),
    ],
)
def test_the_worst_outcome_decides(states: list[str], status: int) -> None:
    assert exit_codes.worst_status([(state, state) for state in states]) == status


def test_an_outcome_is_told_apart_from_others_of_its_state() -> None:
    assert exit_codes.worst_status([("timed_out", "timed_out")]) == 6
    assert exit_codes.worst_status([("timed_out", "expired"), ("completed", "completed")]) == 9
    assert exit_codes.worst_status([("timed_out", "overdue"), ("failed", "failed")]) == 1


def test_every_status_of_an_outcome_is_its_own() -> None:
    statuses = [*exit_codes.BY_STATE.values(), *exit_codes.BY_OUTCOME.values()]
    assert len(set(statuses)) == len(statuses)
    assert exit_codes.BY_OUTCOME.keys() <= set(Outcome)


def test_the_table_in_the_docstring_has_every_status() -> None:
    assert exit_codes.__doc__ is not None
    listed = {int(line.split()[0]) for line in exit_codes.__doc__.splitlines() if line[:1].isdigit()}
    assert listed == {value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)}
