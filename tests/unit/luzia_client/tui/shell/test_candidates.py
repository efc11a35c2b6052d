from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luzia_protocol.dispatch import Dispatch
from luzia_protocol.jobs import Job, JobState, job_name
from luzia_protocol.replies import Agent, Project
from luzia_protocol.schedules import MissedPolicy, OverlapPolicy, Schedule

from luzia_client.cli.args.command_line import COMMANDS, DISPATCH_COMMANDS
from luzia_client.cli.args.dispatch_options import OPTIONS
from luzia_client.cli.completion.complete import load_commands
from luzia_client.tui.shell.candidates import MAX_JOBS, Candidate, FileQuery, KnownNames, find_candidates, list_files
from luzia_client.tui.shell.line_parser import BUILTINS, split_text

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


def a_job(number: int, task: str, state: JobState = JobState.RUNNING, **more: object) -> Job:
    job_id = f"11375{number}-a2f{number}"
    return Job(
        id=job_id,
        name=job_name("overbits", job_id),
        project="overbits",
        agent="claude",
        task=task,
        state=state,
        created_at=NOW - timedelta(seconds=number),
        **more,  # type: ignore[arg-type]
    )


KNOWN = KnownNames(
    projects=[Project("overbits", "/srv/overbits", exists=True), Project("my docs", "/srv/docs", exists=True)],
    agents=[Agent("claude", "built-in", installed=True), Agent("codex", "built-in", installed=False)],
    jobs=[
        a_job(1, "fix the login button", tags={"kind": "nightly"}),
        a_job(2, "write \x1b[2J docs\nmore", JobState.COMPLETED),
    ],
    schedules=[
        Schedule(
            name="nightly",
            cron="0 3 * * *",
            timezone="Etc/UTC",
            job=Dispatch(project="overbits", task="t"),
            missed=MissedPolicy.ONCE,
            overlap=OverlapPolicy.SKIP,
            created_at=NOW,
        )
    ],
    hosts={"big": "me@big.example.org"},
)


def offered(line: str) -> list[Candidate]:
    found = find_candidates(line, KNOWN)
    assert isinstance(found, list)
    return found


def completed(line: str) -> list[str]:
    """The whole lines that the choices make."""
    return [line[: choice.start] + choice.text for choice in offered(line)]


def test_no_value_is_offered_that_is_only_the_name_of_its_kind() -> None:
    """A kind that nobody knows how to offer would be taken for the one word that may stand there."""
    commands = load_commands()["commands"]
    parts = [(name, command) for name, command in commands.items()]
    parts += [
        (f"{name} {action}", each) for name, one in commands.items() for action, each in one.get("actions", {}).items()
    ]
    lines = {f"{name} {option} ": kind for name, part in parts for option, (kind, _) in part["options"].items()}
    lines |= {f"{name} ": part["words"][0].rstrip("…") for name, part in parts if part["words"]}
    assert lines["jobs --format "] == "column"
    assert lines["schedule show "] == "schedule"
    for line, kind in lines.items():
        found = find_candidates(line, KNOWN)
        if kind and isinstance(found, list):
            assert kind not in [choice.shown for choice in found], line


def test_the_first_word_is_a_command_a_project_or_the_shells_own() -> None:
    assert {choice.shown for choice in offered("")} == {*COMMANDS, *BUILTINS, "overbits", "my docs"}
    assert completed("jo") == ["jobs"]
    assert [choice.meta for choice in offered("jo")] == [COMMANDS["jobs"][1]]
    assert completed("my") == ['"my docs"']
    assert completed("luzia jo") == ["luzia jobs"]


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("jobs --wat", ["jobs --watch"]),
        ("jobs --state ru", ["jobs --state running"]),
        ("jobs --state=ru", ["jobs --state=running"]),
        ("jobs --state running,que", ["jobs --state running,queued"]),
        ("jobs --project over", ["jobs --project overbits"]),
        ("jobs --tag ki", ["jobs --tag kind=nightly"]),
        ("jobs --format id,stat", ["jobs --format id,state", "jobs --format id,status"]),
        ("jobs --format state,stat", ["jobs --format state,status"]),
        ("schedule show ni", ["schedule show nightly"]),
        ("daemon rest", ["daemon restart", "daemon restore"]),
        ("projects a", ["projects add"]),
        ("projects remove over", ["projects remove overbits"]),
        ("projects add new . --agent co", ["projects add new . --agent codex"]),
        ("completions z", ["completions zsh"]),
        ("help exit-", ["help exit-codes"]),
        ("use over", ["use overbits"]),
        ("-a cl", ["-a claude"]),
        ("--agent=cl", ["--agent=claude"]),
        ("--retry-on failed,lo", ["--retry-on failed,lost"]),
        ("--worktree over", ["--worktree overbits"]),
        ("dispatch --timeout 90 over", ["dispatch --timeout 90 overbits"]),
        ("run over", ["run overbits"]),
        ("overbits --no-work", ["overbits --no-worktree"]),
        ("overbits fix jo", []),
        ("overbits -- jo", []),
        ("overbits 'jo", []),
    ],
)
def test_options_and_values_come_from_the_command_lines_own_tables(line: str, lines: list[str]) -> None:
    assert completed(line) == lines


def test_jobs_are_offered_newest_first_with_their_state_and_task() -> None:
    assert [(choice.text, choice.meta) for choice in offered("logs ")] == [
        ("@last", "your last dispatched job"),
        ("113751-a2f1", "running   fix the login button"),
        ("113752-a2f2", "completed write ^[[2J docs"),
    ]


@pytest.mark.parametrize("typed", ["113751", "a2f1", "LOGIN"])
def test_a_job_is_found_by_its_ids_beginning_or_end_or_by_a_word_of_its_task(typed: str) -> None:
    assert completed(f"cancel {typed}") == ["cancel 113751-a2f1"]
    assert completed(f"--after @last,{typed}") == ["--after @last,113751-a2f1"]


def test_a_job_that_is_named_already_is_not_offered_again() -> None:
    assert "cancel 113751-a2f1 113751-a2f1" not in completed("cancel 113751-a2f1 1")
    assert completed("--after 113751-a2f1,11375") == ["--after 113751-a2f1,113752-a2f2"]
    assert offered("diff 113751-a2f1 ") == []


def test_of_very_many_jobs_some_are_offered() -> None:
    known = KNOWN._replace(jobs=[a_job(1, "fix")] * 5000)
    assert len(find_candidates("logs 1", known)) <= MAX_JOBS + 1


WORDS = st.sampled_from(
    [*COMMANDS, *BUILTINS, "luzia", "overbits", "-", "--", "--state", "--after=", "run", "1137", ",", "@", "'x"]
)


@given(st.lists(WORDS | st.text(max_size=4), max_size=5), st.sampled_from(["", " "]))
def test_no_line_is_too_strange(words: list[str], end: str) -> None:
    line = " ".join(words) + end
    found = find_candidates(line, KNOWN)
    if isinstance(found, list):
        assert all(choice.start <= len(line) and choice.shown.isprintable() for choice in found)
    split_text(line, ["overbits"], "docs")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in DISPATCH_COMMANDS])
def test_every_command_completes_its_options(name: str) -> None:
    assert f"{name} --help" in completed(f"{name} --")
    assert all(choice.meta for choice in offered(f"{name} --he"))


def test_every_option_of_a_dispatch_is_offered_with_what_it_does() -> None:
    shown = {choice.shown: choice.meta for choice in offered("--")}
    assert {*OPTIONS} < {*shown}
    assert all(shown.values())
    assert completed("--agent") == ["--agent", "--agent-arg"]


def test_where_a_file_or_directory_is_wanted_the_disk_is_asked(tmp_path: Path) -> None:
    (tmp_path / "my graphs").mkdir()
    (tmp_path / "my.toml").touch()
    (tmp_path / ".hidden").touch()

    def lines(line: str) -> list[str]:
        wanted = find_candidates(line, KNOWN)
        assert isinstance(wanted, FileQuery)
        return [line[: choice.start] + choice.text for choice in list_files(wanted)]

    assert lines(f"graph run {tmp_path}/my") == [
        f'graph run "{tmp_path}/my graphs/"',
        f"graph run {tmp_path}/my.toml",
    ]
    assert lines(f"--cwd={tmp_path}/") == [f'--cwd="{tmp_path}/my graphs/"']
    assert lines(f"{tmp_path}/") == [f'"{tmp_path}/my graphs/"']
    assert lines(f"overbits @{tmp_path}/my.") == [f"overbits @{tmp_path}/my.toml"]
    assert lines(f"graph run {tmp_path}/.h") == [f"graph run {tmp_path}/.hidden"]
    assert lines("graph run /there/is/no/such/") == []
