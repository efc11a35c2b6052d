"""How what an agent does is shown."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from luzia_protocol import events
from luzia_protocol.activity import Activity, PlanItem
from luzia_protocol.jobs import JobState, Progress

from luzia_client.cli.show.activity import format_cost, format_count, format_work
from luzia_client.cli.show.details import describe_job
from luzia_client.cli.show.formatting import format_phase, format_status
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.tables import format_jobs_table
from luzia_client.cli.show.text import width
from luzia_client.cli.watch.watch_jobs import ChangePrinter
from luzia_client.cli.watch.watched_jobs import WatchedJobs
from unit.luzia_client.cli.conftest import NOW, MakeJob

PLAIN = Screen(width=80)
BUSY = Activity(
    session="cfa8e9b0",
    model="claude-sonnet-4-5",
    phase="tool Bash",
    phase_at=NOW - timedelta(seconds=40.4),
    turns=7,
    tool_calls=12,
    tools={"Bash": 10, "Write": 2},
    files=["/srv/overbits/login.py", "/srv/\x1b[31mevil"],
    file_count=2,
    plan=[PlanItem("find the bug", "completed"), PlanItem("fix it", "in_progress"), PlanItem("old", "dropped")],
    plan_done=1,
    plan_total=2,
    tokens_in=45_321,
    tokens_out=1_234,
    tokens_cached=40_000,
    last_message="Now I run\nthe tests.",
    last_sign_at=NOW - timedelta(seconds=3.2),
)
PLAN = Progress(percent=50, done=1, total=2, label="plan", phase="tool Bash")


def test_the_phase_is_shown_with_how_long_it_lasts(make_job: MakeJob, now: datetime) -> None:
    job = make_job(activity=BUSY, progress=PLAN)
    assert format_status(job, PLAIN, now) == "running [█████░░░░░] 50% plan 1/2 · tool Bash 40s"
    assert format_status(job, PLAIN) == "running [█████░░░░░] 50% plan 1/2 · tool Bash"


def test_a_long_silence_is_shown(make_job: MakeJob, now: datetime) -> None:
    quiet = Activity(phase="tool Bash", last_sign_at=now - timedelta(minutes=12))
    job = make_job(activity=quiet, progress=Progress(phase="tool Bash"))
    assert format_status(job, PLAIN, now) == "running tool Bash · no output for 12m00s"


def test_a_limit_is_shown_with_its_end(make_job: MakeJob, now: datetime) -> None:
    resets = now + timedelta(minutes=30)
    limited = Activity(phase="usage limit", limit="You've hit your limit", limit_resets_at=resets)
    job = make_job(activity=limited, progress=Progress(phase="usage limit"))
    assert format_phase(job, now) == f"usage limit until {resets.astimezone():%H:%M}"
    job = make_job(activity=Activity(phase="usage limit", limit="You've hit your limit"))
    assert format_phase(job, now) == "usage limit"


def test_what_the_job_says_itself_goes_before_its_output(make_job: MakeJob, now: datetime) -> None:
    job = make_job(activity=BUSY, progress=Progress(phase="chapter 3"))
    assert format_phase(job, now) == "chapter 3"


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (9_960, "10k"), (45_321, "45k"), (1_000_000, "1.0M"), (3 * 10**9, "3.0G")],
)
def test_counts_are_as_short_as_is_useful(count: int, shown: str) -> None:
    assert format_count(count) == shown


def test_an_unknown_cost_is_never_shown_as_zero() -> None:
    assert format_cost(Activity()) == "unknown"
    assert (format_cost(Activity(cost_usd=0.01233)), format_cost(Activity(cost_usd=12.5))) == ("$0.0123", "$12.50")
    assert format_work(BUSY) == "7 turns 12 tools 45k+1.2k tok cost unknown"


def test_a_wide_screen_shows_what_agents_have_done_and_a_narrow_one_does_not(make_job: MakeJob, now: datetime) -> None:
    jobs = [make_job(started=90, activity=BUSY, progress=PLAN), make_job(started=9, id="113754-ffff", agent="shell")]
    for live in (False, True):
        wide = format_jobs_table(jobs, now, Screen(width=200), live=live)
        assert "7 turns 12 tools 45k+1.2k tok cost unknown" in wide[1]
        assert "plan 1/2 · tool Bash 40s" in wide[1]
        assert "turns" not in wide[2]
        narrow = format_jobs_table(jobs, now, PLAIN, live=live)
        assert "turns" not in narrow[1]
        assert "50% plan 1/2" in narrow[1]
        assert all(width(line) <= 80 for line in narrow)
        assert all(width(line) <= 200 for line in wide)


def test_all_about_a_job_has_what_its_agent_did(make_job: MakeJob, now: datetime) -> None:
    lines = describe_job(make_job(started=90, activity=BUSY, progress=PLAN), now, PLAIN)
    for line in (
        "  Progress:      [██████████░░░░░░░░░░] 50% plan 1/2 · tool Bash 40s",
        "  Last activity: 3.2s ago",
        "  Last message:  Now I run",
        "  Session:       cfa8e9b0",
        "  Model:         claude-sonnet-4-5",
        "  Turns:         7",
        "  Tools:         12 (Bash 10, Write 2)",
        "  Files:         /srv/overbits/login.py",
        "                 /srv/^[[31mevil",
        "  Plan:          1/2",
        "                 [x] find the bug",
        "                 [~] fix it",
        "                 [-] old",
        "  Tokens:        45,321 in (40,000 from the cache), 1,234 out",
        "  Cost:          unknown",
    ):
        assert line in lines


def test_a_job_whose_output_nobody_reads_has_no_rows_for_it(make_job: MakeJob, now: datetime) -> None:
    text = "\n".join(describe_job(make_job(started=90), now, PLAIN))
    assert "Turns" not in text
    assert "Cost" not in text


def test_a_watching_screen_takes_what_the_events_tell(make_job: MakeJob, now: datetime) -> None:
    board = WatchedJobs([make_job(started=90)])
    told = events.Progressed(
        seq=5, at=now, job="113754-a2f5", project="overbits", state=JobState.RUNNING, attempt=1,
        progress=PLAN, activity=BUSY,
    )  # fmt: skip
    job = board.apply(told)
    assert job is not None
    assert (job.progress, job.activity) == (PLAN, BUSY)
    retry = events.Starting(
        seq=6, at=now, job=job.id, project=job.project, state=JobState.STARTING, attempt=2
    )  # fmt: skip
    job = board.apply(retry)
    assert job is not None
    assert job.activity is None


def test_on_a_pipe_a_change_that_the_line_does_not_show_prints_nothing(
    make_job: MakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ChangePrinter(Screen())
    for turns, state in ((1, JobState.RUNNING), (2, JobState.RUNNING), (2, JobState.COMPLETED)):
        lines.print(make_job(state, started=3, duration_s=3.0, activity=Activity(turns=turns, phase="thinking")))
    printed = [line.split(" ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert printed == ["113754-a2f5 overbits running thinking", "113754-a2f5 overbits completed after 3.0s"]


def test_a_job_that_has_ended_does_nothing_any_more(make_job: MakeJob, now: datetime) -> None:
    plan = Progress(percent=100, done=1, total=2, label="plan", phase="writing")
    job = make_job(JobState.COMPLETED, started=90, activity=BUSY, progress=plan)
    lines = describe_job(job, now, PLAIN)
    assert "  Progress:      [████████████████████] 100%" in lines
    assert "  Plan:          1/2 when the job ended" in lines
    failed = make_job(JobState.FAILED, started=90, activity=BUSY, progress=PLAN)
    assert "  Progress:      [██████████░░░░░░░░░░] 50% plan 1/2" in describe_job(failed, now, PLAIN)
    assert format_phase(failed, now) == ""
