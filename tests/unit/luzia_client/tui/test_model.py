"""The list of jobs behind the screens: order, filter, news, and its bounds."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from luzia_protocol import events
from luzia_protocol.activity import Question
from luzia_protocol.jobs import Job, JobState, Outcome

from luzia_client.tui.model import JobsModel, describe_counts

START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
QUESTION = Question(id="q1", type="permission", tool="Bash", text="rm -rf build")


def a_job(number: int, state: JobState = JobState.QUEUED, **more: object) -> Job:
    given = {
        "id": f"120000-{number:04x}",
        "name": "",
        "project": "overbits",
        "agent": "shell",
        "task": f"task {number}",
        "state": state,
        "created_at": START + timedelta(seconds=number),
        "seq": number,
    }
    if state.is_final:
        given["ended_at"] = START + timedelta(seconds=number, minutes=1)
    return Job(**{**given, **more})  # type: ignore[arg-type]


def ids(model: JobsModel) -> list[int]:
    return [int(key.id[-4:], 16) for key in model.rows]


def test_live_jobs_come_first_and_the_newest_on_top() -> None:
    model = JobsModel()
    model.put_all(
        [
            a_job(1, JobState.COMPLETED, ended_at=START + timedelta(hours=1)),
            a_job(2, JobState.FAILED),
            a_job(3),
            a_job(4, JobState.RUNNING),
            a_job(5),
            a_job(6, JobState.PAUSED),
            a_job(7, JobState.WAITING),
        ]
    )
    assert ids(model) == [7, 6, 4, 3, 5, 1, 2]


def test_a_job_moves_when_its_state_does() -> None:
    model = JobsModel()
    model.put_all([a_job(1), a_job(2)])
    model.apply(
        events.Starting(seq=10, at=START, job=a_job(1).id, project="overbits", state=JobState.STARTING, attempt=1)
    )
    assert ids(model) == [1, 2]
    model.apply(
        events.Ended(
            seq=11,
            at=START,
            job=a_job(1).id,
            project="overbits",
            state=JobState.COMPLETED,
            attempt=1,
            outcome=Outcome.COMPLETED,
        )
    )
    assert ids(model) == [2, 1]
    job = model.get(a_job(1).id)
    assert job is not None
    assert job.seq == 11


def test_old_news_change_nothing() -> None:
    model = JobsModel()
    model.put(a_job(5, JobState.RUNNING, seq=20))
    model.put(a_job(5, JobState.QUEUED, seq=19))
    model.apply(events.Paused(seq=18, at=START, job=a_job(5).id, project="overbits", state=JobState.PAUSED, attempt=1))
    shown = model.get(a_job(5).id)
    assert shown is not None
    assert shown.state is JobState.RUNNING


def test_a_question_is_shown_the_moment_it_is_asked_and_taken_away_when_it_is_answered() -> None:
    model = JobsModel()
    model.put(a_job(1, JobState.RUNNING))
    asked = events.QuestionAsked(
        seq=5, at=START, job=a_job(1).id, project="overbits", state=JobState.WAITING, attempt=1, question=QUESTION
    )
    model.apply(asked)
    assert model.page(0, 1)[0].question == QUESTION
    model.apply(
        events.QuestionAnswered(
            seq=6, at=START, job=a_job(1).id, project="overbits", state=JobState.RUNNING, attempt=1, question="q1"
        )
    )
    assert model.page(0, 1)[0].question is None


def test_a_dispatch_is_shown_before_anybody_has_asked_for_its_job() -> None:
    model = JobsModel()
    model.apply(
        events.Dispatched(
            seq=1, at=START, job="120000-0001", project="overbits", state=JobState.QUEUED, task="new", agent="shell"
        )
    )
    assert model.page(0, 1)[0].task == "new"
    assert model.stale == {"120000-0001"}


def test_whom_events_do_not_tell_enough_of_is_to_be_asked_for() -> None:
    model = JobsModel()
    model.apply(events.Held(seq=9, at=START, job="120000-0009", project="overbits", state=JobState.QUEUED))
    assert model.stale == {"120000-0009"}
    model.put(a_job(9))
    assert not model.stale


def test_a_removed_job_is_gone() -> None:
    model = JobsModel()
    model.put_all([a_job(1, JobState.FAILED), a_job(2, JobState.FAILED)])
    model.apply(events.Removed(seq=9, at=START, job=a_job(1).id, project="overbits", state=JobState.FAILED))
    assert ids(model) == [2]
    assert model.row_of(a_job(1).id) is None


def test_a_filter_keeps_what_has_all_its_words_and_follows_changes() -> None:
    model = JobsModel()
    model.put_all([a_job(1, task="Fix the LOGIN"), a_job(2, task="login tests", tags={"team": "web"}), a_job(3)])
    model.set_filter("login")
    assert ids(model) == [1, 2]
    model.set_filter("Login team=web")
    assert ids(model) == [2]
    model.put(a_job(4, task="login of the web", tags={"team": "web"}))
    assert ids(model) == [2, 4]
    model.put(a_job(4, task="something else", seq=99))
    assert ids(model) == [2]
    model.set_filter("")
    assert ids(model) == [1, 2, 3, 4]


def test_jobs_that_the_daemon_has_found_match_as_long_as_the_filter() -> None:
    model = JobsModel(most=2)
    model.put_all([a_job(8, JobState.COMPLETED), a_job(9, JobState.COMPLETED)])
    model.set_filter("Login ")
    assert ids(model) == []
    model.put_found("login", [a_job(1, JobState.COMPLETED, task="a long task, cut before its last words")])
    assert ids(model) == [1]
    model.put_found("log", [a_job(2, JobState.COMPLETED)])  # what was typed before
    assert ids(model) == [1]
    model.put(a_job(10, JobState.COMPLETED, task="login"))
    assert ids(model) == [10, 1]
    model.set_filter("")
    model.put(a_job(11, JobState.COMPLETED))
    assert ids(model) == [11, 10]


def test_what_the_daemon_has_found_changes_the_list_only_where_it_lacks_a_job() -> None:
    model = JobsModel()
    model.put_all([a_job(1, task="login"), a_job(2, task="cut before its last words")])
    model.set_filter("login")
    assert not model.put_found("login", [a_job(1, task="login")])
    assert model.put_found("login", [a_job(1, task="login"), a_job(2, task="cut before its last words")])
    assert ids(model) == [1, 2]
    assert model.put_found("login", [a_job(1, task="login"), a_job(3)])


def test_a_filter_by_state_loses_a_job_that_leaves_the_state() -> None:
    model = JobsModel()
    model.put_all([a_job(1, JobState.RUNNING), a_job(2, JobState.RUNNING)])
    model.set_filter("running")
    model.apply(events.Paused(seq=9, at=START, job=a_job(1).id, project="overbits", state=JobState.PAUSED, attempt=1))
    assert ids(model) == [2]


def test_more_jobs_than_fit_are_only_counted_and_the_oldest_are_left_out() -> None:
    model = JobsModel(most=10)
    model.put_all([a_job(number, JobState.COMPLETED) for number in range(1, 16)])
    model.put(a_job(20, JobState.RUNNING))
    model.counts = {JobState.COMPLETED: 15, JobState.RUNNING: 1}
    assert ids(model) == [20, *range(15, 6, -1)]
    assert model.unlisted_count() == 6


def test_what_only_the_status_of_one_job_has_is_not_kept_for_all() -> None:
    model = JobsModel()
    model.put(a_job(1, task="x" * 100_000, argv=["x" * 100_000]))
    kept = model.page(0, 1)[0]
    assert len(kept.task) == 256
    assert kept.argv is None


def test_the_order_holds_after_any_changes() -> None:
    rng = random.Random(7)
    model = JobsModel(most=50)
    model.set_filter("red")
    for seq in range(100, 3000):
        number = rng.randrange(1, 90)
        if rng.random() < 0.1:
            model.remove(a_job(number).id)
        else:
            model.put(a_job(number, rng.choice(list(JobState)), seq=seq, task="red" if number % 2 else "blue"))
        assert list(model.rows) == sorted(model.rows)
    matching = list(model.rows)
    model.set_filter("")
    everything = list(model.rows)
    assert len(everything) == len(model) <= 50
    assert matching == [key for key in everything if int(key.id[-4:], 16) % 2]


def test_counts_are_words_and_only_what_there_is() -> None:
    counts = {JobState.RUNNING: 2, JobState.STARTING: 1, JobState.QUEUED: 4, JobState.TIMED_OUT: 1, JobState.FAILED: 0}
    assert [word for word, _ in describe_counts(counts)] == ["3 running", "4 queued", "1 timed out"]


def test_queued_jobs_are_in_the_order_of_priority_and_age() -> None:
    model = JobsModel()
    model.put_all([a_job(1), a_job(2, priority=5), a_job(3), a_job(4, priority=5)])
    assert ids(model) == [2, 4, 1, 3]
