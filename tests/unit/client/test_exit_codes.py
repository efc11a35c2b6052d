from __future__ import annotations

import pytest

from luzia_protocol.jobs import FINAL_STATES

from luzia_client import exit_codes


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
    assert exit_codes.for_states(states) == status


def test_the_table_in_the_docstring_has_every_status() -> None:
    assert exit_codes.__doc__ is not None
    listed = {int(line.split()[0]) for line in exit_codes.__doc__.splitlines() if line[:1].isdigit()}
    assert listed == {value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)}
