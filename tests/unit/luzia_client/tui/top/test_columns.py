"""The columns of the list: those that fit, and those that the user has chosen."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from luzia_protocol.jobs import JobState

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import width
from luzia_client.tui.top.columns import NAMES, choose_columns, default_names, format_job, parse_names
from unit.luzia_client.tui.test_ordering import a_job

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def titles(columns: int, *names: str) -> list[str]:
    return [column.title for column in choose_columns(Screen(columns), names, [a_job(1)], {})]


def test_the_default_columns_follow_from_the_width() -> None:
    assert titles(50) == ["ID", "STATE", "TIME", "TASK"]
    assert titles(80) == ["ID", "PROJECT", "STATE", "TIME", "TASK"]
    assert titles(200) == ["ID", "PROJECT", "AGENT", "STATE", "TIME", "WORK", "TASK"]


@pytest.mark.parametrize("columns", [20, 80, 200])
def test_every_column_can_be_chosen_and_what_does_not_fit_is_left_out(columns: int) -> None:
    for name in NAMES:
        assert len(titles(columns, name)) <= 1
    chosen = choose_columns(Screen(columns), NAMES, [a_job(1, task="日本語 task")], {})
    row = format_job(a_job(1, task="日本語 task"), NOW, chosen, columns, selected=False, marked=True)
    assert width("".join(text for _, text in row)) == columns


def test_the_order_is_that_of_the_names_and_the_task_has_the_rest() -> None:
    chosen = choose_columns(Screen(80), ["task", "exit", "id"], [a_job(1)], {})
    assert [(column.title, column.columns) for column in chosen] == [("TASK", 80 - 5 - 12), ("EXIT", 4), ("ID", 11)]


def test_a_column_does_not_become_narrower_while_the_list_is_scrolled() -> None:
    widths: dict[str, int] = {}
    for branch in (1_000_000, 1):
        (column,) = choose_columns(Screen(80), ["priority"], [a_job(1, priority=branch)], widths)
        assert column.columns == len("PRIORITY")
    (tags,) = choose_columns(Screen(80), ["tags"], [a_job(1, tags={"colour": "vermilion"})], widths)
    (later,) = choose_columns(Screen(80), ["tags"], [a_job(1)], widths)
    assert tags.columns == later.columns == len("colour=vermilion")


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        (80, "queued: project slots 2/2"),
        (100, "queued: project slots 2/2"),
        (200, "queued for a slot of project web (2 of 2 in use)"),
    ],
)
def test_it_is_whole_for_what_slot_a_job_waits(columns: int, state: str) -> None:
    job = a_job(1, JobState.QUEUED, reason="waiting for a slot of project web (2 of 2 in use)")
    (column,) = choose_columns(Screen(width=columns), ["status"], [job], {})
    assert column.cell(job, NOW) == state


def test_names_are_checked_with_a_suggestion() -> None:
    assert parse_names("ID, status  task") == ["id", "status", "task"]
    with pytest.raises(UsageError, match="exiit") as caught:
        parse_names("exiit")
    assert "exit" in caught.value.hint
    assert parse_names(" ".join(default_names(Screen(200)))) == default_names(Screen(200))
