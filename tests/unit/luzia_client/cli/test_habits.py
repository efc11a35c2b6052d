"""Other names of commands, aliases of the user, references to jobs, and what `luzia` alone shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from git_projects import Repository
from luzia_client.cli.args.command_line import ALIASES, COMMANDS, parse_dispatch
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.foreign_words import ACTION_MEANINGS, MEANINGS, OPTION_MEANINGS, find_meaning
from luzia_client.cli.args.parser import command_parser, load_command
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia

CONFIG = """\
[projects.rm]
path = "{project}"
agent = "shell"

[aliases]
mine = "jobs --state held-by-no-one"
bad = "jobs --state failed --json"
w = "wait"
twice = "w"
web = "jobs"
open = "'"
"""


@pytest.fixture(scope="module")
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        Path(luzia.env["LUZIA_CONFIG"]).write_text(CONFIG.format(project=luzia.project))
        yield luzia


def out(luzia: PrivateLuzia, *words: str, status: int = 0) -> str:
    done = luzia.run(*words)
    assert done.returncode == status, done.stderr
    return (done.stderr if status else done.stdout).decode()


def ended(luzia: PrivateLuzia, command: str) -> str:
    job = luzia.shell(command)
    luzia.client().wait([job], timeout_s=DEADLINE_S)
    return job


def test_every_alias_is_a_command_and_none_hides_one() -> None:
    assert set(ALIASES.values()) <= COMMANDS.keys()
    assert not ALIASES.keys() & COMMANDS.keys()


def test_the_aliases_do_what_the_commands_do(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "echo hello")
    for name in ("ls", "ps", "status", "info"):
        assert job in out(luzia, name)
    for name in ("show", "status", "info"):
        assert out(luzia, name, job).startswith(f"Job {job}  completed\n")
    assert "hello" in out(luzia, "log", job)
    other = out(luzia, "add", "-q", "--agent", "shell", ".", "sleep 1000").strip()
    assert "cancel" in out(luzia, "kill", other)
    luzia.client().wait([other], timeout_s=DEADLINE_S)
    assert "removed" in out(luzia, "rm", other)
    assert "usage: luzia jobs" in out(luzia, "help", "ls")


def test_a_project_with_the_name_of_an_alias_is_dispatched_to_explicitly_and_the_error_says_so(
    luzia: PrivateLuzia,
) -> None:
    luzia.client()
    assert "To dispatch to the project 'rm': luzia dispatch rm TASK" in out(luzia, "rm", "make it so", status=4)
    assert out(luzia, "dispatch", "rm", "true").startswith("agent:rm:")


def test_references_name_the_newest_job_and_those_before_it(luzia: PrivateLuzia) -> None:
    failed, completed = ended(luzia, "false"), ended(luzia, "true")
    running = luzia.shell("sleep 1000")
    for name, job in (
        ("@last", running),
        ("@last~1", completed),
        ("@last~2", failed),
        ("@running", running),
        ("@failed", failed),
    ):
        assert out(luzia, "jobs", name).startswith(f"Job {job} "), name
    luzia.run("cancel", running)
    for name in ("@lost", "@last~x", "@last~99999999"):
        assert "References are @last, @running, @failed" in out(luzia, "jobs", name, status=4)
    assert "you have no job that matches '@failed~7'" in out(luzia, "jobs", "@failed~7", status=4)


def test_an_alias_of_the_user_is_expanded_once_and_takes_more_words(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "true")
    assert out(luzia, "w", job) == f"{job}  completed\n"
    assert out(luzia, "bad", "-n", "1") in ("", out(luzia, "jobs", "--state", "failed", "--json", "-n", "1"))
    assert "invalid state 'held_by_no_one'" in out(luzia, "mine", status=2)
    assert "no task for project 'w'" in out(luzia, "twice", status=2)
    assert "project 'w' not found" in out(luzia, "dispatch", "w", job, status=4), "an explicit dispatch has no aliases"
    assert "no configured project is called 'w'" not in out(luzia, "web", "--help")


def test_a_word_of_another_tool_is_answered_by_its_meaning_before_its_spelling(luzia: PrivateLuzia) -> None:
    luzia.client()
    assert "Did you mean `luzia remove ID`?" in out(luzia, "delete", status=2)
    assert "Did you mean `luzia retry ID`?" in out(luzia, "restart", "a2f5", status=4)
    assert "Did you mean `luzia cancel @last`?" in out(luzia, "abort", "@last", status=2)
    assert "Did you mean `luzia jobs`?" in out(luzia, "-l", status=2)
    assert "Did you mean `luzia doctor`?" in out(luzia, "dcotor", status=2)


def test_each_meaning_is_a_command_line_that_is_understood() -> None:
    for word, line in MEANINGS.items():
        assert word not in COMMANDS
        assert word not in ALIASES
        first, *rest = line.replace(" N", " 5").split()
        if first == "PROJECT":
            assert parse_dispatch([first, *rest], "dispatch").words
        else:
            command_parser(first, load_command(first)).parse_args(rest)


def test_each_option_of_another_tool_is_unknown_and_has_a_command_line_that_is_understood() -> None:
    for (command, option), line in OPTION_MEANINGS.items():
        parser = command_parser(command, load_command(command))
        with pytest.raises(UsageError, match=f"unknown option {option}") as error:
            parser.parse_args([option] if command == "config" else [option, "a2f5"])
        assert error.value.hint == f"Did you mean `luzia {line}`?"
        first, *rest = line.replace("COLUMNS", "id,state").split()
        command_parser(first, load_command(first)).parse_args(rest)


def test_each_action_of_another_tool_is_answered_by_its_meaning_and_not_by_its_spelling() -> None:
    for (command, action), line in ACTION_MEANINGS.items():
        with pytest.raises(UsageError, match=f"invalid choice '{action}'") as error:
            command_parser(command, load_command(command)).parse_args([action])
        assert error.value.hint == f"Did you mean `luzia {line}`? See `luzia {command} --help`."
        first, *rest = line.split()
        command_parser(first, load_command(first)).parse_args(rest)


def test_a_command_without_its_job_names_the_newest_one(luzia: PrivateLuzia) -> None:
    luzia.client()
    for command in ("why", "wait", "attach", "send", "diff", "logs", "cancel"):
        assert "@last is your newest job" in out(luzia, command, status=2), command


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("get jobs", "jobs"),
        ("get 120000-a2f5", "jobs 120000-a2f5"),
        ("describe job @last", "jobs @last"),
        ("task list", "jobs"),
        ("tasks", "jobs"),
        ("run cancel @last", "cancel @last"),
        ("jobs show @last", "jobs @last"),
        ("pod logs @last", "logs @last"),
        ("watch @last", "jobs @last --watch"),
        ("-c @last", "logs @last"),
        ("-C", "remove --all"),
        ("-K", "daemon stop"),
        ("RESTART", "retry ID"),
        ("task overbits", "PROJECT TASK"),
    ],
)
def test_words_for_a_job_before_or_behind_a_verb_do_not_hide_what_is_meant(typed: str, meant: str) -> None:
    word, *following = typed.split()
    assert find_meaning(word, following, {name: name for name in COMMANDS} | ALIASES) == f"luzia {meant}"


@pytest.mark.parametrize("typed", ["overbits", "-X", "run overbits", "jobs", "jobs @last"])
def test_what_has_no_other_meaning_is_left_alone(typed: str) -> None:
    word, *following = typed.split()
    assert find_meaning(word, following, {name: name for name in COMMANDS}) is None


def test_luzia_alone_lists_the_jobs_and_the_two_things_to_do_next(luzia: PrivateLuzia) -> None:
    failed = ended(luzia, "exit 3")
    told = out(luzia)
    assert told.startswith("Task Summary:\n")
    assert failed in told
    *_, title, first, second = told.splitlines()
    assert title == "Next:"
    assert first.startswith("  luzia why ")
    assert second.startswith("  luzia ")


def test_what_is_merged_is_not_to_be_reviewed_next(luzia: PrivateLuzia, tmp_path: Path) -> None:
    project = Repository(tmp_path / "project", tmp_path / "home").init()

    def work(command: str) -> str:
        words = ("--agent", "shell", "--worktree", str(project.root), command)
        job = out(luzia, *words).splitlines()[-1].rpartition(":")[2]
        luzia.client().wait([job], timeout_s=DEADLINE_S)
        return job

    work("true")  # without changes
    job = work("echo new > file")
    assert f"luzia diff {job}" in out(luzia)
    assert luzia.run("merge", "--commit", job).returncode == 0
    assert "luzia diff" not in out(luzia)


def test_a_task_after_the_name_of_a_command_is_told_how_to_name_a_directory(luzia: PrivateLuzia) -> None:
    for words in (("daemon", "fix the tests"), ("projects", "fix", "the", "tests")):
        assert f"write `luzia ./{words[0]} TASK…`." in out(luzia, *words, status=2)
    assert "Did you mean `restart`? See `luzia daemon --help`." in out(luzia, "daemon", "restrat", status=2)


@pytest.mark.parametrize("command", ["jobs", "logs", "remove"])
def test_a_hint_stands_once_after_errors_of_one_kind(luzia: PrivateLuzia, command: str) -> None:
    first, hint, *others = out(luzia, command, "no1", "no2", "no3", status=4).splitlines()
    assert [first, *others] == [f"luzia: there is no job 'no{number}'" for number in (1, 2, 3)]
    assert hint.startswith("  List the jobs with `luzia jobs --all`")


def test_a_project_option_has_a_short_name(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "true")
    assert job in out(luzia, "ls", "-p", "rm", "-n", "5")
