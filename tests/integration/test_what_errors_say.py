"""Each error names what is wrong and where, and what to do next, with the job that it is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from luzia_client.cli import exit_codes
from support import Connection, PrivateDaemon, dispatch, ended, private_daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    config = '[projects.gone]\npath = "{root}/gone"\n[projects.file]\npath = "{root}/config.toml"\n'
    with private_daemon(config) as daemon:
        yield daemon


def said(wire: Connection, **request: Any) -> tuple[str, str]:
    error = wire.error(**request)
    return error["message"], error["hint"]


def test_output_of_a_job_that_waits_leads_to_the_reason(wire: Connection) -> None:
    job = dispatch(wire, "true", hold=True)
    assert said(wire, op="logs", job=job) == (
        f"job {job} has not started yet and has no output",
        f"`luzia why {job}` shows why; `luzia logs -f {job}` waits for its output.",
    )
    wire.ok(op="cancel", job=job)


def test_an_attempt_that_does_not_exist_is_told_with_the_job(wire: Connection) -> None:
    job = dispatch(wire, "true")
    ended(wire, job)
    assert said(wire, op="logs", job=job, attempt=3) == (
        f"job {job} has no attempt 3; the newest is 1",
        f"List its attempts with `luzia jobs {job}`.",
    )


def test_a_directory_is_missing_or_is_none(daemon: PrivateDaemon, wire: Connection) -> None:
    directories = {
        "/no/such/directory": "/no/such/directory does not exist",
        "/etc/passwd": "/etc/passwd is not a directory",
        "gone": f"the directory of project gone, {daemon.root}/gone, does not exist",
        "file": f"the directory of project file, {daemon.config_file}, is not a directory",
    }
    for project, message in directories.items():
        assert said(wire, op="dispatch", project=project, task="true", agent="shell")[0] == message


def test_a_large_amount_is_written_in_digits(wire: Connection) -> None:
    message, _ = said(wire, op="dispatch", project="overbits", task="true", memory_bytes=2**53)
    assert message.startswith("the job needs 8388608 GiB of memory, more than exists: ")


def test_a_number_that_is_too_large_is_told_with_its_place(wire: Connection) -> None:
    wire.send_bytes(b'{"op": "list", "limit": 1e400}\n')
    assert wire.receive()["error"]["message"] == "`limit`: number out of range"


@pytest.mark.parametrize(
    "words",
    [
        ("logs", "@last", "--all"),
        ("logs", "--limit", "3", "@last"),
        ("jobs", "--title"),
        ("cancel", "@last", "--project", "overbits"),
        ("pause", "--queue-only"),
    ],
)
def test_options_that_exclude_each_other_lead_to_the_help_of_the_command(
    daemon: PrivateDaemon, words: tuple[str, ...]
) -> None:
    refused = daemon.run(*words)
    assert refused.returncode == 2
    assert refused.stderr.endswith(f"\n  See `luzia {words[0]} --help`.\n")


def test_a_word_that_is_neither_a_command_nor_a_project_is_told_as_such(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    for words in (["budget"], ["budget", "@no-such-file"]):
        refused = daemon.run(*words)
        assert refused.returncode == 2
        assert refused.stderr.startswith("luzia: unknown command or project 'budget'\n  ")
    assert "Did you mean overbits?" in daemon.run("overbist").stderr
    (daemon.root / "elsewhere").mkdir()
    ended(wire, dispatch(wire, "true", f"{daemon.root}/elsewhere", agent="shell"))
    for project in ("overbits", "elsewhere"):  # a directory with jobs has a name too
        assert daemon.run(project).stderr.startswith(f"luzia: no task for project '{project}'\n")
        assert "cannot read the task from no-such-file" in daemon.run(project, "@no-such-file").stderr


def test_what_to_do_names_the_job_of_the_message(daemon: PrivateDaemon, wire: Connection) -> None:
    job = dispatch(wire, "true")
    ended(wire, job)
    assert said(wire, op="discard", job=job) == (
        f"job {job} has no worktree",
        f"Dispatch with `--worktree`; `luzia jobs {job}` shows the worktree of a job.",
    )
    (daemon.state / "jobs" / job / "1").rename(daemon.root / "moved")
    assert said(wire, op="logs", job=job)[1] == (
        f"If it was moved, move it back; otherwise run the job again with `luzia retry {job}`."
    )


@pytest.mark.parametrize(
    "command",
    [
        "--host big jobs",
        "--host big overbits x",
        "hosts check big",
        "hosts remove big",
        "jobs big/3391",
        "jobs big/x",
        "cancel big/@last",
    ],
)
def test_a_wrong_name_of_a_host_has_one_exit_status(daemon: PrivateDaemon, command: str) -> None:
    done = daemon.run(*command.split())
    assert done.returncode == exit_codes.USAGE
    assert done.stderr.startswith("luzia: no host 'big' is configured\n  `luzia hosts list` lists the hosts;")


@pytest.mark.parametrize("command", ["metrics", "answer", "hosts add", "notify", "send", "wait", "race"])
def test_an_unknown_option_is_told_before_what_is_missing(daemon: PrivateDaemon, command: str) -> None:
    done = daemon.run(*command.split(), "--nosuch")
    assert (done.returncode, done.stdout) == (exit_codes.USAGE, "")
    assert done.stderr.startswith("luzia: unknown option --nosuch\n  ")


@pytest.mark.parametrize("command", ["batch", "import", "graph run"])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("none.jsonl", "No such file or directory\n  Check the path; a relative one begins in the current directory."),
        ("/", "Is a directory\n  Name a file, not a directory."),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_what_to_do(
    daemon: PrivateDaemon, command: str, path: str, said: str
) -> None:
    done = daemon.run(*command.split(), path)
    assert (done.returncode, done.stdout) == (exit_codes.INPUT_OUTPUT, "")
    assert done.stderr == f"luzia: {path}: {said}\n"


def test_an_agent_that_nobody_has_is_told_by_a_search(daemon: PrivateDaemon) -> None:
    done = daemon.run("search", "--agent", "shel", "word")
    assert done.returncode == 4
    assert "unknown agent 'shel'\n  Did you mean shell?" in done.stderr


def test_a_missing_argument_is_named_with_the_usage(daemon: PrivateDaemon) -> None:
    done = daemon.run("answer", "3391")
    assert done.stderr.startswith("luzia: missing ANSWER\n  Usage: luzia answer [options] ID ")
    assert daemon.run("adopt-session", "claude").stderr.startswith("luzia: missing SESSION\n")


def test_a_review_of_a_job_without_a_terminal_leads_to_its_changes(daemon: PrivateDaemon) -> None:
    assert "there is no job 'nosuch'" in daemon.run("review", "nosuch").stderr
    job = daemon.run("-q", ".", "--agent", "shell", "true").stdout.strip().rpartition(":")[2]
    done = daemon.run("review", job)
    assert done.stderr == (
        f"luzia: a review needs a terminal\n  `luzia jobs {job}` shows the job, and `luzia diff {job}` its changes.\n"
    )


def test_a_host_is_removed_as_it_was_added(daemon: PrivateDaemon) -> None:
    assert daemon.run("hosts", "add", "big", "me@big.example").returncode == 0
    assert daemon.run("hosts", "remove", "big").returncode == 0
    assert "No hosts are configured" in daemon.run("hosts", "list").stdout


def test_the_hint_for_a_job_without_a_session_names_the_job(daemon: PrivateDaemon) -> None:
    job = daemon.run("-q", ".", "--agent", "shell", "true").stdout.strip().rpartition(":")[2]
    daemon.run("wait", job)
    assert f"`luzia retry {job}`" in daemon.run("send", job, "more").stderr
