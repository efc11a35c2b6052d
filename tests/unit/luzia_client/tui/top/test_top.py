"""What `luzia top` paints, and the table of its keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from luzia_protocol.activity import Activity, Question, QuestionPart
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.replies import JobPage

from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import width
from luzia_client.tui.fullscreen.state import Page
from luzia_client.tui.fullscreen.text_view import Fragments, TextView
from luzia_client.tui.model import JobsModel
from luzia_client.tui.top.keys import KEYS, Where
from luzia_client.tui.top.question_form import QuestionForm
from luzia_client.tui.top.state import TopState
from luzia_client.tui.top.views import compose_screen, next_redraw_s
from support import ROOT

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DOCS = ROOT / "docs" / "top.md"


def plain(lines: list[Fragments]) -> list[str]:
    return ["".join(text for _, text in line) for line in lines]


def a_job(number: int, state: JobState = JobState.RUNNING, **more: object) -> Job:
    given = {
        "id": f"120000-{number:04x}",
        "name": "",
        "project": "overbits",
        "agent": "claude",
        "task": f"task {number}",
        "state": state,
        "created_at": NOW - timedelta(seconds=10),
        "started_at": NOW - timedelta(seconds=5),
        "seq": number,
    }
    return Job(**{**given, **more})  # type: ignore[arg-type]


def screen(columns: int = 80, rows: int = 24) -> Screen:
    return Screen(columns, rows, colour=True, live=True)


def top_of(*jobs: Job) -> TopState:
    model = JobsModel()
    model.put_all(jobs)
    model.counts = Counter(job.state for job in jobs)
    top = TopState(model)
    top.here.loading = False
    return top


@pytest.mark.parametrize("columns", [2, 8, 20, 40, 60, 80, 100, 160, 200])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 7, 12, 24, 50])
def test_every_size_is_filled_and_never_exceeded(columns: int, rows: int) -> None:
    top = top_of(*(a_job(number, task="日本語の名前 👍 مرحبا") for number in range(100)))
    top.transcript.feed("some 日本語 output\n" * 100)
    for top.zoomed in (False, True):
        shown = plain(compose_screen(top, NOW, screen(columns, rows)))
        assert len(shown) == rows
        assert max(map(width, shown)) <= columns


def test_only_what_is_on_the_screen_is_painted() -> None:
    top = top_of(*(a_job(number) for number in range(5000)))
    asked: list[int] = []
    page = top.model.page

    def counted(start: int, count: int) -> list[Job]:
        asked.append(count)
        return page(start, count)

    top.model.page = counted  # type: ignore[method-assign]
    compose_screen(top, NOW, screen())
    assert asked == [9]


def test_the_header_counts_and_says_what_the_daemon_has_to_say() -> None:
    limited = a_job(3, JobState.QUEUED, reason="usage limit of claude until 15:45", started_at=None)
    top = top_of(a_job(1), a_job(2, JobState.WAITING), limited)
    top.model.notices = ["the store was restored"]
    header = "".join(plain(compose_screen(top, NOW, screen(160)))[:2])
    for words in ("1 waiting for an answer", "1 running", "1 queued", "1 at a usage limit", "! the store was restored"):
        assert words in header


def test_the_header_counts_held_jobs_apart_from_those_that_will_start() -> None:
    top = top_of()
    top.model.update_counts(JobPage([], {JobState.QUEUED: 3}, held=2))
    header = plain(compose_screen(top, NOW, screen(160)))[0]
    assert " 1 queued  2 held " in header


def test_what_an_agent_asks_stands_above_its_transcript() -> None:
    question = Question("q", "question", "Ask", "", [QuestionPart("Which colour?", ["Red", "Blue"])])
    shown = "\n".join(plain(compose_screen(top_of(a_job(1, JobState.WAITING, question=question)), NOW, screen())))
    assert "Which colour?" in shown
    assert "2  Blue" in shown
    assert "press a to answer" in shown


def test_a_page_says_when_it_goes_on() -> None:
    top = top_of(a_job(1))
    top.page = Page("A page", TextView("\n".join(map(str, range(100)))))
    top.page.text.to_top()
    assert "more below" in plain(compose_screen(top, NOW, screen()))[-1]
    top.page.text.to_end()
    assert "more below" not in plain(compose_screen(top, NOW, screen()))[-1]


# Ticking


def test_nothing_ticks_where_no_clock_runs() -> None:
    assert next_redraw_s([], NOW, 1.0) is None
    assert next_redraw_s([a_job(1, JobState.COMPLETED, ended_at=NOW, duration_s=5.0)], NOW, 1.0) is None


def test_a_running_clock_ticks_as_often_as_it_shows_something_else() -> None:
    assert next_redraw_s([a_job(1)], NOW, 1.0) == 1.0
    long_ago = NOW - timedelta(hours=2, seconds=20)
    assert next_redraw_s([a_job(1, started_at=long_ago)], NOW, 1.0) == pytest.approx(40.01)
    assert next_redraw_s([a_job(1, started_at=long_ago, activity=Activity(phase="tool Bash"))], NOW, 1.0) == 1.0


# Keys and answers


def test_the_page_and_the_help_screen_have_every_key() -> None:
    assert KEYS.format_tables() in DOCS.read_text()
    for key in KEYS:
        assert key.help in KEYS.format_help()
    assert max(map(len, KEYS.format_help().splitlines())) <= 80


@pytest.mark.parametrize("where", [*Where])
def test_no_key_has_two_meanings_in_one_place(where: Where) -> None:
    names = [name for key in KEYS if where in key.where for name in key.keys.split()]
    assert len(names) == len(set(names))


def test_the_footer_has_the_keys_that_have_an_effect_on_the_jobs() -> None:
    live, ended = a_job(1), a_job(2, JobState.FAILED)
    assert "c cancel" in KEYS.format_footer(Where.LIST, [live], 80)
    assert "c cancel" not in KEYS.format_footer(Where.LIST, [ended], 80)
    assert "r retry" in KEYS.format_footer(Where.LIST, [live, ended], 80)
    assert "/ filter" in KEYS.format_footer(Where.LIST, [], 80)
    assert "/ search" in KEYS.format_footer(Where.TRANSCRIPT, [live], 80)
    for columns in range(100):
        assert len(KEYS.format_footer(Where.LIST, [live, ended], columns)) <= columns


def test_a_permission_is_a_choice_of_keys_and_a_question_is_not() -> None:
    sent: list[list[str]] = []

    def edit(label: str, then: Callable[[str], None]) -> None:
        then("Use git clean")

    choice = QuestionForm(Question("q", "permission", "Bash", "rm -rf build"), edit, sent.append).permission_prompt()
    assert choice is not None
    for key in "ynt":
        choice.keys[key]()
    assert sent == [["allow"], ["deny"], ["deny", "Use git clean"]]
    assert QuestionForm(Question("q", "question", "Ask", ""), edit, sent.append).permission_prompt() is None


def test_an_answer_is_sent_when_every_part_has_one() -> None:
    labels: list[str] = []
    entered = []
    sent: list[list[str]] = []

    def edit(label: str, then: object) -> None:
        labels.append(label)
        entered.append(then)

    parts = [QuestionPart("Which?", ["Red"]), QuestionPart("Why?")]
    QuestionForm(Question("q", "question", "Ask", "", parts), edit, sent.append).ask_parts()
    entered[0]("1")  # type: ignore[operator]
    assert not sent
    entered[1]("because")  # type: ignore[operator]
    assert sent == [["1", "because"]]
    assert labels == ["1/2 Which? (1 Red): ", "2/2 Why?: "]
