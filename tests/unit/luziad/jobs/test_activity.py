"""The activity of a job with several attempts is what all of them have done."""

from __future__ import annotations

from msgspec.structs import replace

from luzia_protocol.activity import MAX_DETAIL_CHARS, Activity, PlanItem, SessionTotals
from luzia_protocol.jobs import JobState

from luziad.jobs.activity import job_activity
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec, JobStatus
from luziad.jobs.view import describe_job, summarize_job

FIRST = Activity(
    session="s",
    model="m",
    phase="writing",
    turns=3,
    tool_calls=3,
    tools={"Write": 2, "Bash": 1},
    files=["/a", "/b"],
    file_count=2,
    plan=[PlanItem("one", "completed"), PlanItem("two", "pending")],
    plan_done=1,
    plan_total=2,
    tokens_in=100,
    tokens_out=10,
    cost_usd=0.5,
    last_message="first",
    totals=SessionTotals(100, 10, 0, 0.5),
)
SECOND = Activity(
    session="s",
    phase="thinking",
    turns=1,
    tool_calls=2,
    tools={"Bash": 1, "Edit": 1},
    files=["/b", "/c"],
    file_count=2,
    tokens_in=20,
    tokens_out=2,
    cost_usd=0.25,
)


def job(*activities: Activity | None, state: JobState = JobState.RUNNING) -> JobRecord:
    attempts = tuple(AttemptRecord(number, 0.0, activity=each) for number, each in enumerate(activities, 1))
    spec = JobSpec(project="a", directory="/", agent="claude", created_at=0.0)
    return JobRecord(1, "113754-a2f5", spec, JobStatus(state=state, attempts=attempts))


def test_a_job_has_the_files_tools_and_plan_of_all_its_attempts() -> None:
    shown = describe_job(job(FIRST, SECOND), None)
    assert shown.activity == Activity(
        session="s",
        model="m",
        phase="thinking",
        turns=4,
        tool_calls=5,
        tools={"Write": 2, "Bash": 2, "Edit": 1},
        files=["/a", "/b", "/c"],
        file_count=3,
        plan=FIRST.plan,
        plan_done=1,
        plan_total=2,
        tokens_in=120,
        tokens_out=12,
        cost_usd=0.75,
        last_message="first",
    )


def test_each_attempt_has_its_own_files_tools_and_plan() -> None:
    shown = describe_job(job(FIRST, SECOND), None)
    assert [each.activity for each in shown.attempts] == [FIRST, SECOND]


def test_what_attempts_have_done_is_bounded_and_the_newest_come_first() -> None:
    long = replace(FIRST, files=[f"/{number:0999}" for number in range(100)], file_count=100)
    shown = describe_job(job(*[long] * 100), None)
    kept = [each.activity.files != [] for each in shown.attempts if each.activity is not None]
    assert kept == sorted(kept)
    assert 0 < sum(kept) * 100_000 <= MAX_DETAIL_CHARS
    assert all(each.activity is not None and each.activity.file_count == 100 for each in shown.attempts)


def test_an_attempt_that_has_printed_nothing_yet_hides_nothing_of_the_ones_before() -> None:
    shown = job_activity(job(FIRST, None).status.attempts, waits=False)
    assert shown == replace(FIRST, phase=None, totals=None)


def test_a_job_that_waits_for_another_attempt_shows_what_it_has_cost_and_no_phase() -> None:
    listed = summarize_job(job(FIRST, SECOND, state=JobState.QUEUED), None).activity
    assert listed is not None
    assert (listed.cost_usd, listed.turns, listed.phase, listed.limit) == (0.75, 4, None, None)


def test_the_plan_of_another_session_is_not_that_of_the_job() -> None:
    shown = job_activity(job(FIRST, replace(SECOND, session="other")).status.attempts, waits=False)
    assert shown is not None
    assert (shown.plan_total, shown.plan) == (None, [])


def test_an_unknown_cost_is_not_zero_and_is_left_out_of_the_sum() -> None:
    unknown = replace(SECOND, cost_usd=None)
    assert job_activity(job(unknown, unknown).status.attempts, waits=False).cost_usd is None  # type: ignore[union-attr]
    assert job_activity(job(FIRST, unknown).status.attempts, waits=False).cost_usd == 0.5  # type: ignore[union-attr]


def test_what_the_newest_attempt_has_not_told_yet_is_that_of_the_one_before_and_no_older_one() -> None:
    older = replace(SECOND, session="t", model="m-2", last_message="second")
    shown = job_activity(job(FIRST, older, SECOND).status.attempts, waits=False)
    assert shown is not None
    assert (shown.session, shown.model, shown.last_message) == ("s", "m-2", "second")
