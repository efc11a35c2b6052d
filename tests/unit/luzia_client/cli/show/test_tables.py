from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Collision, Job, JobState, Progress

from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.tables import divide_width, format_jobs_table
from luzia_client.cli.show.text import width
from unit.luzia_client.cli.conftest import MakeJob


@pytest.fixture
def jobs(make_job: MakeJob) -> list[Job]:
    return [
        make_job(id="113754-0001", started=12, progress=Progress(percent=60, label="tests")),
        make_job(id="113754-0002", started=72, task="漢字 👨‍👩‍👧 e\u0301 " * 40),
        make_job(
            JobState.QUEUED,
            id="113754-0003",
            reason="waiting for a slot of project overbits (2 of 2 in use)",
            task="\x1b[31m!",
        ),
        make_job(JobState.FAILED, id="113754-0004", project="a" * 300, task="one\ntwo"),
    ]


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
@pytest.mark.parametrize("live", [False, True])
def test_no_row_is_wider_than_the_terminal(jobs: list[Job], now: datetime, columns: int, live: bool) -> None:
    lines = format_jobs_table(jobs, now, Screen(width=columns), live)
    assert len(lines) == len(jobs) + 1
    assert all(width(line) <= columns for line in lines)


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(
    ("columns", "titles"),
    [
        (50, "ID STATE TIME"),
        (80, "ID PROJECT STATE TIME TASK"),
        (120, "ID PROJECT AGENT STATE TIME WHEN TASK"),
        (200, "ID PROJECT AGENT WORK STATE TIME WHEN TASK"),
    ],
)
def test_the_columns_follow_from_the_width_alone(
    make_job: MakeJob, now: datetime, columns: int, titles: str, live: bool
) -> None:
    busy = make_job(activity=Activity(turns=3, phase="tool Bash"), started=5, task="t" * 90)
    short = make_job(JobState.COMPLETED, started=9, ended=5, task="")
    for jobs in ([busy], [short], [busy, short], [make_job(reason="r" * 90, state=JobState.FAILED, task="t" * 90)]):
        heading = format_jobs_table(jobs, now, Screen(width=columns), live)[0].split()
        assert [title for title in heading if title != "TASK" or columns > 50] == titles.split()


def test_a_wide_table_says_how_long_ago_a_job_ended_started_or_was_dispatched(make_job: MakeJob, now: datetime) -> None:
    ended, running, queued = (
        make_job(JobState.COMPLETED, started=900, ended=130),
        make_job(started=7300),
        replace(make_job(JobState.QUEUED), created_at=now - timedelta(days=3)),
    )
    lines = format_jobs_table([ended, running, queued], now, Screen(width=120))
    assert [when in line for when, line in zip(("2 min ago", "2 h ago", "3 d ago"), lines[1:], strict=True)] == [
        True
    ] * 3


def test_at_80_columns_the_task_of_a_queued_job_has_more_room_than_a_word(make_job: MakeJob, now: datetime) -> None:
    reason = "waiting for a slot of project website-frontend (2 of 2 in use)"
    job = make_job(JobState.QUEUED, project="website-frontend", reason=reason, task="fix the login button of the shop")
    assert "  fix the login b" in format_jobs_table([job], now, Screen(width=80))[1]


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("waiting for a slot (4 of 4 in use)", "queued: slots 4/4"),
        ("waiting for a slot (16 of 16 in use)", "queued: slots 16/16"),
        ("waiting for a slot of project website-frontend (2 of 2 in use)", "queued: project slots 2/2"),
        ("waiting for a slot of project a (b) (10 of 10 in use)", "queued: project slots 10/10"),
        ("waiting for a slot of agent claude (10 of 10 in use), 1st in the queue", "queued: agent slots 10/10"),
    ],
)
def test_at_80_columns_it_is_whole_for_what_slot_a_job_waits(
    make_job: MakeJob, now: datetime, reason: str, state: str
) -> None:
    job = make_job(JobState.QUEUED, project="website-frontend", reason=reason, task="fix the login button of the shop")
    assert f"  {state}  " in format_jobs_table([job], now, Screen(width=80))[1]


def test_at_80_columns_a_bar_and_its_percentage_are_whole(jobs: list[Job], now: datetime) -> None:
    line = format_jobs_table(jobs[:1], now, Screen(width=80))[1]
    assert "running [██████░░░░] 60%" in line


def test_columns_stand_under_their_headings(jobs: list[Job], now: datetime) -> None:
    heading, first, *_ = format_jobs_table(jobs[:3], now, Screen(width=120))
    assert heading.index("STATE") == first.index("running")
    assert heading.index("TASK") == first.index("fix the login")


def test_colour_is_by_state_and_changes_no_width(jobs: list[Job], now: datetime) -> None:
    coloured = format_jobs_table(jobs, now, Screen(width=100, colour=True))
    plain = format_jobs_table(jobs, now, Screen(width=100))
    assert "\x1b[31mfailed" in coloured[4]
    assert [re.sub("\x1b\\[[0-9;]*m", "", line) for line in coloured] == plain


def test_without_a_terminal_every_column_but_the_task_is_one_word(jobs: list[Job], now: datetime) -> None:
    heading, *rows = format_jobs_table(jobs, now, Screen())
    assert heading.split() == ["ID", "PROJECT", "AGENT", "STATE", "PROGRESS", "TIME", "TASK"]
    assert rows[0].split(maxsplit=6) == [
        "113754-0001",
        "overbits",
        "claude",
        "running",
        "60%",
        "12s",
        "fix the login button",
    ]
    assert [row.split()[3] for row in rows] == ["running", "running", "queued", "failed"]


def test_without_a_terminal_a_task_has_200_characters_at_most(make_job: MakeJob, now: datetime) -> None:
    row = format_jobs_table([make_job(task="x" * 256)], now, Screen())[1]
    assert row.endswith(" " + "x" * 199 + "…")


def test_no_escape_of_a_job_gets_through(make_job: MakeJob, now: datetime) -> None:
    evil = "\x1b]52;c;!\x07\x1b[2J"
    job = make_job(JobState.FAILED, project=evil, agent=evil, task=evil, reason=evil)
    for screen in (Screen(), Screen(width=80), Screen(width=200)):
        assert not re.search("[\x00-\x1f\x7f]", "".join(format_jobs_table([job], now, screen)))


def test_the_task_gets_what_the_state_leaves() -> None:
    assert divide_width(state=9, task=20, room=60, least=26) == (9, 20)
    assert divide_width(state=50, task=5, room=60, least=26) == (50, 5)
    assert divide_width(state=50, task=50, room=60, least=26) == (26, 34)
    assert divide_width(state=50, task=50, room=10, least=26) == (10, 0)
    assert divide_width(state=50, task=50, room=-3, least=26) == (0, 0)


def test_a_name_is_shown_before_the_task_and_a_number_in_a_graph_is_no_name(make_job: MakeJob, now: datetime) -> None:
    jobs = [make_job(task="make it so", node=node) for node in ("build", "12", None)]
    tasks = [line.partition("  ")[2] for line in format_jobs_table(jobs, now, Screen(width=120))[1:]]
    assert ["build: make it so" in task for task in tasks] == [True, False, False]
    assert all(task.endswith("  make it so") for task in tasks[1:])


def test_a_job_that_changes_the_same_files_as_another_has_a_mark_on_a_terminal(
    make_job: MakeJob, now: datetime
) -> None:
    job = make_job(task="make it so", collisions=[Collision("113754-a2f5", ["app"], 1)])
    assert format_jobs_table([job], now, Screen(width=120))[1].endswith("  ! make it so")
    assert format_jobs_table([job], now, Screen())[1].endswith("  make it so")
