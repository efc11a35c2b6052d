"""The command line of `luzia schedule add`: its own options, and those of a dispatch."""

from __future__ import annotations

import argparse

import pytest

from luzia_client.cli.args.command_line import read_task
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import command_parser
from luzia_client.cli.args.schedule_add import SCHEDULE_OPTIONS, parse_schedule
from luzia_client.cli.commands import schedule

WHEN = ("--cron", "@daily", "--project", "overbits")


def test_options_stand_before_the_task_in_any_order() -> None:
    line = parse_schedule(["--priority", "-5", "nightly", *WHEN, "--overlap=queue", "-e", "A=b", "fix", "--cron", "it"])
    assert (line.name, line.options) == ("nightly", {"--cron": "@daily", "--project": "overbits", "--overlap": "queue"})
    assert line.dispatch.words == ["fix", "--cron", "it"]
    assert (line.dispatch.project, line.dispatch.env, line.dispatch.fields) == (
        "overbits",
        {"A": "b"},
        {"priority": -5},
    )


def test_two_dashes_end_the_options() -> None:
    line = parse_schedule(["nightly", *WHEN, "--", "--help", "them"])
    assert line.dispatch.words == ["--help", "them"]
    assert parse_schedule([*WHEN, "--", "nightly", "-x"]).name == "nightly"


def test_the_project_may_be_a_path() -> None:
    project = parse_schedule(["nightly", "--cron", "@daily", "--project", "./x", "task"]).dispatch.project
    assert project.startswith("/")
    assert project.endswith("/x")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*WHEN], "the schedule has no name"),
        (["n", "--project", "p", "t"], "--cron is required"),
        (["n", "--cron", "@daily", "t"], "--project is required"),
        ([*WHEN, "n"], "no task"),
        (["n", *WHEN, "--overlap", "quue", "t"], "--overlap: invalid policy 'quue' (choose from skip, queue, cancel)"),
        (["n", *WHEN, "--in", "5m", "t"], "--in does not apply to a schedule"),
        (["n", *WHEN, "--key=k", "t"], "--key does not apply to a schedule"),
        (["n", *WHEN, "--timezon", "UTC", "t"], "unknown option --timezon"),
        (["n", "--cron"], "--cron requires a value"),
        (["n", "--cron", " ", "--project", "p", "t"], "--cron requires a value"),
        (["n", *WHEN, "--retries", "many", "t"], "--retries: invalid number 'many'"),
    ],
)
def test_an_error_names_its_cause(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_task(parse_schedule(words).dispatch)
    assert message in raised.value.message


def parsed(*words: str) -> argparse.Namespace:
    found = command_parser("schedule", schedule).parse_args([*words])
    assert isinstance(found, argparse.Namespace)
    return found


def test_only_add_is_parsed_as_a_dispatch() -> None:
    assert parsed("add", "n", *WHEN, "t", "--json").line.dispatch.words == ["t", "--json"]
    assert parsed("--json", "add", "n", *WHEN, "t").json
    assert parsed("add", "--json", "n", *WHEN, "t").line.dispatch.json
    assert parsed("add", "n", *WHEN, "--", "--help", "-x").line.dispatch.words == ["--help", "-x"]
    assert (parsed("pause", "add").action, parsed("pause", "add").name) == ("pause", "add")
    assert parsed("list").action == "list"
    assert parsed().action is None


@pytest.mark.parametrize("words", [("add", "--help"), ("add", "n", "-h"), ("add", "n", *WHEN, "t", "--help")])
def test_help_is_printed_wherever_the_option_is(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(*words)
    assert ended.value.code == 0
    assert "--overlap" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--missed=all", "--max-cost", "--replace"])
def test_an_option_among_the_words_of_the_task_is_refused(option: str) -> None:
    with pytest.raises(UsageError, match="must come before the task"):
        read_task(parse_schedule(["n", *WHEN, "fix", "it", option]).dispatch, SCHEDULE_OPTIONS)
    line = parse_schedule(["n", *WHEN, "--", "fix", "it", option])
    assert read_task(line.dispatch, SCHEDULE_OPTIONS) == f"fix it {option}"


@pytest.mark.parametrize(
    ("span", "cron"),
    [
        ("1m", "* * * * *"),
        ("10m", "*/10 * * * *"),
        ("1h", "0 * * * *"),
        ("120m", "0 */2 * * *"),
        ("1d", "0 0 * * *"),
        ("1w", "0 0 * * 1"),
        ("minute", "* * * * *"),
        ("Hour", "0 * * * *"),
        ("day", "0 0 * * *"),
        ("week", "0 0 * * 1"),
        ("day 9am", "0 9 * * *"),
        ("day at 18:30", "30 18 * * *"),
        ("day noon", "0 12 * * *"),
        ("weekday 9am", "0 9 * * 1-5"),
        ("mon 18:00", "0 18 * * 1"),
        ("sunday", "0 0 * * 0"),
    ],
)
def test_an_interval_is_a_cron_expression(span: str, cron: str) -> None:
    assert parse_schedule(["n", "--every", span, "--project", "p", "t"]).options == {"--cron": cron, "--project": "p"}


@pytest.mark.parametrize(
    "span", ["7m", "90m", "5h", "2d", "30s", "soon", "2 weeks", "day 25:00", "mon soon", "10", "9am"]
)
def test_an_interval_that_no_expression_has_is_refused(span: str) -> None:
    with pytest.raises(UsageError, match="--every: ") as caught:
        parse_schedule(["n", "--every", span, "--project", "p", "t"])
    assert "'day 9am', 'mon 18:00'" in caught.value.hint


def test_a_time_of_day_beside_the_interval_is_not_taken_for_the_task() -> None:
    with pytest.raises(UsageError, match="'day' and '9am' are two words") as caught:
        parse_schedule(["n", "--project", "p", "--every", "day", "9am", "fix it"])
    assert caught.value.hint.startswith("Quote them: --every 'day 9am'.")
    parse_schedule(["n", "--project", "p", "--every", "day", "--", "9am", "fix it"])


def test_an_interval_and_an_expression_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="--every cannot be combined with --cron"):
        parse_schedule(["n", "--every", "1h", *WHEN, "t"])
