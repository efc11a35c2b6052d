"""The selection: it stays on its job, and the list stays around it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from luzia_protocol.jobs import Job, JobState

from luzia_client.tui.model import JobsModel
from luzia_client.tui.top.state import Cursor

START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def a_job(number: int, state: JobState = JobState.RUNNING) -> Job:
    return Job(
        id=f"120000-{number:04x}",
        name="",
        project="overbits",
        agent="shell",
        task="",
        state=state,
        created_at=START + timedelta(seconds=number),
        ended_at=START if state.is_final else None,
        seq=number,
    )


def listed(count: int) -> tuple[JobsModel, Cursor]:
    """Jobs count..1, from the top, on a screen of five rows."""
    model = JobsModel()
    model.put_all(a_job(number) for number in range(1, count + 1))
    cursor = Cursor(model)
    cursor.fit_to_height(5)
    return model, cursor


def selected(cursor: Cursor) -> int:
    job = cursor.job
    assert job is not None
    return int(job.id[-4:], 16)


def test_the_selection_stays_on_its_job_when_others_come() -> None:
    model, cursor = listed(3)
    cursor.move(1)
    assert selected(cursor) == 2
    model.put_all([a_job(8), a_job(9)])
    cursor.fit_to_height(5)
    assert (selected(cursor), cursor.row) == (2, 3)


def test_when_its_job_goes_the_one_in_its_place_is_selected() -> None:
    model, cursor = listed(3)
    cursor.move(1)
    model.remove(a_job(2).id)
    assert selected(cursor) == 1
    model.remove(a_job(1).id)
    assert selected(cursor) == 3
    model.clear()
    assert cursor.job is None


def test_moving_brings_the_selected_row_into_view_and_stops_at_the_ends() -> None:
    _, cursor = listed(20)
    cursor.move(7)
    cursor.fit_to_height(5)
    assert (cursor.row, cursor.top) == (7, 3)
    cursor.move(100)
    cursor.fit_to_height(5)
    assert (cursor.row, cursor.top) == (19, 15)
    cursor.move(-100)
    cursor.fit_to_height(5)
    assert (cursor.row, cursor.top) == (0, 0)


def test_scrolling_takes_the_selection_along_only_when_it_would_leave_the_screen() -> None:
    _, cursor = listed(20)
    cursor.move(4)
    cursor.scroll(3)
    cursor.fit_to_height(5)
    assert (cursor.row, cursor.top) == (4, 3)
    cursor.scroll(3)
    cursor.fit_to_height(5)
    assert (cursor.row, cursor.top) == (6, 6)
    cursor.scroll(100)
    cursor.fit_to_height(5)
    assert (cursor.row, cursor.top) == (15, 15)


def test_a_larger_screen_leaves_no_rows_empty() -> None:
    _, cursor = listed(20)
    cursor.move(100)
    cursor.fit_to_height(10)
    assert cursor.top == 10
    cursor.fit_to_height(50)
    assert cursor.top == 0


def test_it_stays_at_the_top_until_the_user_moves_it() -> None:
    model, cursor = listed(30)
    assert selected(cursor) == 30
    ended = a_job(30, JobState.COMPLETED)
    model.put(Job(**{field: getattr(ended, field) for field in ended.__struct_fields__} | {"seq": 99}))
    cursor.fit_to_height(5)
    assert (selected(cursor), cursor.row, cursor.top) == (29, 0, 0)
    model.put(a_job(31))
    cursor.fit_to_height(5)
    assert (selected(cursor), cursor.row, cursor.top) == (31, 0, 0)


def test_a_job_that_is_used_stays_selected_and_the_first_row_can_be_chosen_again() -> None:
    model, cursor = listed(3)
    cursor.keep_job()
    model.put(a_job(4))
    assert (selected(cursor), cursor.row) == (3, 1)
    cursor.select_first()
    model.put(a_job(5))
    assert (selected(cursor), cursor.row) == (5, 0)
