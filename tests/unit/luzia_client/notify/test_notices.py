"""What a notice says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from luzia_protocol import events
from luzia_protocol.activity import Question, QuestionPart
from luzia_protocol.events import Collided
from luzia_protocol.jobs import Collision, Job, JobState

from luzia_client.notify.notices import (
    Notice,
    body,
    digest,
    fill,
    format_changes,
    format_span,
    of_collision,
    of_question,
    title,
)
from luzia_client.notify.sender import without_secrets

AT = datetime(2026, 3, 1, tzinfo=UTC)
FAILED = Notice(
    "failed",
    "7",
    AT,
    {
        "job": "120000-abcd",
        "project": "overbits",
        "task": "fix the login button",
        "outcome": "timed_out",
        "reason": "it ran longer than 10m",
        "duration": "10m",
        "cost": "$1.25",
        "files": "3 files",
        "last_words": "I was about to run the tests.",
        "link": "https://luzia.example.org/#/job/120000-abcd",
    },
)


def test_a_notice_says_who_what_how_it_ended_why_how_long_its_cost_and_the_last_words() -> None:
    assert title(FAILED) == "✗ overbits: fix the login button"
    assert body(FAILED).splitlines() == [
        "timed out, after 10m, $1.25, 3 files",
        "it ran longer than 10m",
        "I was about to run the tests.",
        "Job 120000-abcd",
        "https://luzia.example.org/#/job/120000-abcd",
    ]


def test_a_question_says_how_to_answer_it() -> None:
    asks = Notice("asks", "1", AT, {"job": "120000-abcd", "project": "p", "task": "t", "question": "Run make?"})
    assert title(asks) == "? p: t"
    assert body(asks).splitlines()[:3] == [
        "Run make?",
        "Job 120000-abcd",
        "Answer with: luzia answer 120000-abcd allow|deny|TEXT",
    ]


@pytest.mark.parametrize(("node", "words"), [("nightly", "nightly: fix it"), ("", "fix it"), ("2", "fix it")])
def test_a_notice_begins_with_the_name_of_its_job(node: str, words: str) -> None:
    """A number is the place of a job in a batch or graph, and names nothing."""
    job = Job("120000-abcd", "", "p", "claude", "fix it", JobState.WAITING, AT, 1, node=node)
    question = Question("q", "question", "Ask", "", [QuestionPart("Which?", ["a"])])
    asked = events.QuestionAsked(seq=1, at=AT, job=job.id, project="p", state=job.state, attempt=1, question=question)
    assert title(of_question(asked, question, job, "")) == f"? p: {words}"


@pytest.mark.parametrize(
    ("merges", "conflicts", "words"),
    [
        (False, ["a", "b"], "; git cannot merge a, b"),
        (True, [], "; git can merge both"),
        (None, [], ""),
    ],
)
def test_a_collision_says_with_which_job_in_which_files_and_whether_git_can_merge_both(
    merges: bool | None, conflicts: list[str], words: str
) -> None:
    found = Collision("120001-bcde", ["a", "b", "c", "d", "e", "f"], 9, merges, conflicts)
    event = Collided(seq=7, at=AT, job="120000-abcd", project="overbits", state=JobState.RUNNING, collision=found)
    notice = of_collision(event, None, "")
    assert title(notice) == "! overbits:  (another job changes the same files)"
    same = "job 120001-bcde changes the same files: a, b, c, d, e and 4 more"
    assert body(notice).splitlines() == ["9 files", f"{same}{words}", "Job 120000-abcd"]


def test_a_template_has_fields_and_nothing_else() -> None:
    assert fill("{subject} {project} {reason.__class__} {0} {unknown} {question}!", FAILED) == (
        "failed overbits {reason.__class__} {0} {unknown} !"
    )
    task = Notice("failed", "1", AT, {"task": "{project} {job}"})
    assert fill("{task}", task) == "{project} {job}"


def test_a_digest_is_bounded() -> None:
    headline, text = digest([FAILED] * 60)
    assert headline == "60 notices from luzia"
    assert len(text.splitlines()) == 51
    assert text.splitlines()[0] == "✗ overbits: fix the login button (it ran longer than 10m)"
    assert text.splitlines()[-1] == "and 10 more"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([], ""),
        ([("a", 3, 0)], "1 file, +3 −0"),
        ([("a", 100, 7), ("b", 20, 0), ("c.png", None, None)], "3 files, +120 −7"),
    ],
)
def test_changes_are_files_and_lines(files: list[tuple[str, int | None, int | None]], words: str) -> None:
    assert format_changes(files) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0s"), (59.4, "59s"), (60.0, "1m"), (7500.0, "2h 05m")])
def test_a_span_is_short(seconds: float, words: str) -> None:
    assert format_span(seconds) == words


def test_an_error_of_a_service_shows_nothing_of_its_url() -> None:
    url = "slack://AAAA1234/BBBB5678/token-very-secret?user=me@example.org"
    text = without_secrets(f"Failed to send to {url}: AAAA1234 token-very-secret error=403", url)
    assert "error=403" in text
    assert not any(part in text for part in ("AAAA1234", "BBBB5678", "very-secret", "example.org"))
