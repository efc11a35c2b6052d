from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentParser

import pytest

from luzia_protocol.jobs import JobState

from luzia_client.cli import exit_codes
from luzia_client.cli.args.command_line import COMMANDS, DISPATCH_COMMANDS
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import command_parser, load_command
from luzia_client.cli.help import topics, usage
from unit.luzia_client.fake_daemon import DEADLINE_S, luzia


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_begins_with_a_short_usage_and_ends_with_examples(name: str) -> None:
    if name in DISPATCH_COMMANDS:
        shown = luzia(name, "--help").stdout
    else:
        shown = command_parser(name, load_command(name)).format_help()
    first, _, rest = shown.partition("\n\n")
    assert first.startswith("usage: luzia ")
    assert len(first.splitlines()) <= 2
    what, _, rest = rest.partition("\n\n")
    assert len(what) > 10
    assert "\nExamples:\n  luzia " in rest
    assert max(map(len, shown.splitlines())) <= topics.WIDTH


@pytest.mark.parametrize("name", topics.TITLES)
def test_every_topic_fits_a_small_terminal(name: str) -> None:
    lines = topics.topic_text(name).splitlines()
    assert max(map(len, lines)) <= topics.WIDTH
    assert len(lines) <= 50


def test_help_without_a_word_is_the_list_of_commands_and_topics() -> None:
    shown = luzia("help").stdout
    assert shown == luzia("--help").stdout
    assert all(f" {name}" in shown.rpartition("The topics:")[2] for name in topics.TITLES)
    assert max(map(len, shown.splitlines())) <= topics.WIDTH


def test_help_with_a_command_is_the_command_s_help() -> None:
    assert luzia("help", "wait").stdout == luzia("wait", "--help").stdout
    assert luzia("help", "run").stdout == luzia("run", "--help").stdout


def test_help_with_a_topic_is_its_text() -> None:
    assert luzia("help", "ids").stdout == topics.topic_text("ids")


def test_help_for_an_unknown_word_names_the_closest_one_and_the_topics() -> None:
    result = luzia("help", "sates")
    assert result.returncode == 2
    assert "unknown command or topic 'sates'" in result.stderr
    assert "Did you mean `states`? The topics are ids, states, " in result.stderr


def test_the_topic_of_states_tells_every_state() -> None:
    assert all(f"\n  {state} " in topics.topic_text("states") for state in JobState)


def test_the_topic_of_exit_codes_tells_every_status() -> None:
    codes = {value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)}
    assert all(f"\n  {code} " in topics.topic_text("exit-codes") for code in codes)


def test_the_list_of_commands_is_shown_without_the_libraries() -> None:
    script = (
        "import sys; before = set(sys.modules); sys.argv = ['luzia', '--help']\n"
        "from luzia_client.cli.main import main; main(); print('\\n'.join(sorted(set(sys.modules) - before)))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=DEADLINE_S)
    loaded = {name for name in result.stdout.splitlines() if name.partition(".")[0] in ("luzia_client", "argparse")}
    assert loaded == {
        "luzia_client",
        "luzia_client.cli",
        "luzia_client.cli.args",
        "luzia_client.cli.args.command_line",
        "luzia_client.cli.help",
        "luzia_client.cli.help.topics",
        "luzia_client.cli.help.usage",
        "luzia_client.cli.main",
    }
    assert not {"msgspec", "argparse", "re"} & set(result.stdout.splitlines())


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("jobs", "--stat", "failed"), "--state"),
        (("jobs", "--state", "runing"), "running"),
        (("daemon", "stats"), "status"),
        (("projects", "ad"), "add"),
        (("projects", "add", "x", "/x", "--agnt=a"), "--agent"),
        (("--agnet", "claude", ".", "x"), "--agent"),
        (("--max-cpu", "2", ".", "x"), "--max-cpus"),
        (("completions", "bsh"), "bash"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_one_that_was_meant(words: tuple[str, ...], meant: str) -> None:
    result = luzia(*words)
    assert result.returncode == 2
    assert f"Did you mean `{meant}`?" in result.stderr


def test_an_unexpected_argument_is_named() -> None:
    assert luzia("version", "now").stderr == "luzia: unexpected argument 'now'\n  See `luzia version --help`.\n"


def test_a_screen_of_any_width_gets_help_that_is_easy_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns, widest in ((40, 60), (80, 80), (300, 100)):
        monkeypatch.setenv("COLUMNS", str(columns))
        parser = _wait_parser()
        assert max(map(len, parser.format_help().partition("Examples:")[0].splitlines())) <= widest


def test_a_usage_shows_what_must_be_given() -> None:
    assert _wait_parser().format_help().splitlines()[0] == "usage: luzia wait [options] ID…"


def _wait_parser() -> ArgumentParser:
    return command_parser("wait", load_command("wait"))


def test_one_bare_word_far_from_any_command_is_a_project() -> None:
    with pytest.raises(UsageError, match="no task for project 'overbits'"):
        raise usage.missing_task_error("overbits")
