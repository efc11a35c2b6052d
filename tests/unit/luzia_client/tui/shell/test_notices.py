"""News, the line below the prompt, what is pasted, and which jobs are a line's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from luzia_protocol.activity import Question
from luzia_protocol.jobs import Job, JobState, Outcome, job_name

from luzia_client.cli.args import command_line
from luzia_client.cli.show.screen import Screen
from luzia_client.tui.shell.keys import quote_paste
from luzia_client.tui.shell.line_parser import track_jobs
from luzia_client.tui.shell.notices import MAX_AT_ONCE, format_notice, format_notices, format_toolbar
from luzia_client.tui.shell.quoting import split

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
EVIL = "fix\x1b]0;title\x07 \u202eit"


def a_job(state: JobState, **more: object) -> Job:
    times = {"created_at": NOW, "started_at": NOW, "ended_at": NOW + timedelta(seconds=12)}
    name = job_name("overbits", "113754-a2f5")
    return Job(
        "113754-a2f5",
        name,
        "overbits",
        "claude",
        EVIL,
        state,
        **{**times, **more},  # type: ignore[arg-type]
    )


def test_an_end_is_one_line_with_outcome_duration_and_task() -> None:
    (line,) = format_notice(a_job(JobState.COMPLETED, outcome=Outcome.COMPLETED), None, Screen(width=200))
    assert line == "✓ 113754-a2f5 overbits completed after 12s: fix^[]0;title^G \\u202eit"
    (line,) = format_notice(a_job(JobState.FAILED, reason="exit code 2"), None, Screen(width=200, blocks=False))
    assert line.startswith("x 113754-a2f5 overbits failed after 12s (exit code 2): fix")


def test_a_question_is_told_with_the_commands_that_answer() -> None:
    question = Question("q1", "permission", "Bash", f"rm {EVIL}")
    lines = format_notice(a_job(JobState.WAITING), question, Screen(width=200))
    assert lines[0].startswith("? 113754-a2f5 overbits waits for an answer")
    assert "permission to use Bash: rm fix^[]0;" in lines[1]
    assert "    luzia answer 113754-a2f5 allow" in lines


def test_no_text_of_a_job_steers_the_terminal_and_no_line_is_wider_than_it() -> None:
    question = Question("q1", "permission", "\x1b[2J", EVIL * 50)
    for job, asked in ((a_job(JobState.LOST, reason=EVIL * 20), None), (a_job(JobState.WAITING), question)):
        for line in format_notice(job, asked, Screen(width=60)):
            assert line.isprintable()
            assert len(line) < 60


def test_of_many_news_at_once_the_newest_are_shown_and_the_others_counted() -> None:
    lines = format_notices([[str(number)] for number in range(100)]).splitlines()
    assert lines[0] == "… and 90 more; list them with `jobs`"
    assert lines[1:] == [str(number) for number in range(100 - MAX_AT_ONCE, 100)]


def test_the_toolbar_counts_or_says_what_is_wrong() -> None:
    counts = {JobState.RUNNING: 2, JobState.STARTING: 1, JobState.QUEUED: 5, JobState.COMPLETED: 9}
    assert format_toolbar(counts, "", "") == "3 running, 5 queued, 0 waiting"
    assert format_toolbar({JobState.WAITING: 1}, "", "").startswith("0 running, 0 queued, 1 waiting for an answer")
    assert format_toolbar(counts, "no daemon: \x1b[31mgone", "") == "no daemon: ^[[31mgone"
    assert "' is open" in format_toolbar(counts, "", "'")


@pytest.mark.parametrize(
    ("before", "text", "put"),
    [
        ("", "luzia jobs\r\n", "luzia jobs"),
        ("overbits ", "fix it", "fix it"),
        ("overbits ", 'it\'s\r\n"so"\r\n', '"it\'s\n\\"so\\""'),
        ("overbits '", "it's", "it'\\''s"),
        ('overbits "', 'say "so"', 'say \\"so\\"'),
    ],
)
def test_pasted_lines_stay_one_task(before: str, text: str, put: str) -> None:
    assert quote_paste(before, text) == put


def test_pasted_lines_are_the_word_that_they_were() -> None:
    text = "def f():\n    return \"it's\" + '\\n'\n\n# more"
    assert split("overbits " + quote_paste("overbits ", text)).texts == ["overbits", text]


def test_a_line_that_starts_jobs_gets_a_key_by_which_they_are_found() -> None:
    for line in (
        "overbits fix it",
        "-a claude . fix",
        "dispatch overbits fix",
        "run overbits -- make",
        "batch jobs.json",
    ):
        found = track_jobs(line.split(), "auto-1")
        assert found.key == "auto-1"
        assert found.key in found.words
        assert [word for word in found.words if word not in ("--key", found.key)] == line.split()
    assert track_jobs(["graph", "run", "g.toml"], "auto-1").words[:3] == ["graph", "run", "--key"]


def test_a_key_of_the_users_own_stays() -> None:
    assert track_jobs(["--key", "mine", "overbits", "fix"], "auto-1") == (
        ["--key", "mine", "overbits", "fix"],
        "mine",
        (),
    )
    assert track_jobs(["batch", "--key=mine", "f"], "auto-1") == (["batch", "--key=mine", "f"], "", ())


def test_a_key_changes_nothing_of_a_task() -> None:
    asked = command_line.parse_dispatch(track_jobs(["overbits", "--", "--key", "fix"], "auto-1").words, "dispatch")
    assert asked.words == ["--key", "fix"]


def test_other_lines_are_run_as_they_are() -> None:
    for line in ("jobs --json", "graph show a2f5", "overbits --no-such-option", "dispatch --help"):
        assert track_jobs(line.split(), "auto-1") == (line.split(), "", ())
    assert track_jobs(["retry", "a2f5", "b2f5", "--fresh"], "auto-1").names == ["a2f5", "b2f5"]
    assert track_jobs(["send", "a2f5", "go", "on"], "auto-1").names == ["a2f5"]
