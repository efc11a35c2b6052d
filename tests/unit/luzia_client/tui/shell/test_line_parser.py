from __future__ import annotations

import pytest

from luzia_client.cli.args.errors import UsageError
from luzia_client.tui.shell.line_parser import LineKind, parse_line, split_text


def asked(line: str, using: str = "") -> tuple[str, list[str]]:
    found = parse_line(line, ["overbits", "docs"], using)
    return found.kind.value, list(found.words)


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ("", "nothing", []),
        ("  # a remark with a quote '", "nothing", []),
        ("luzia", "nothing", []),
        ("jobs --json", "command", ["jobs", "--json"]),
        ("luzia jobs", "command", ["jobs"]),
        ("help", "help", []),
        ("help jobs", "command", ["help", "jobs"]),
        ("exit", "exit", []),
        ("use docs", "use", ["docs"]),
        ("use", "use", []),
        ('overbits "fix  it" now', "command", ["overbits", "fix  it", "now"]),
        ("-a claude . fix", "command", ["-a", "claude", ".", "fix"]),
        ("fix the login", "command", ["fix", "the", "login"]),
        ("overbits größer 日本語 🎉 עברית", "command", ["overbits", "größer", "日本語", "🎉", "עברית"]),
    ],
)
def test_a_line_is_a_command_a_dispatch_or_the_shells_own(line: str, kind: str, words: list[str]) -> None:
    assert asked(line) == (kind, words)


def test_with_a_project_in_use_what_is_no_command_may_be_a_task_for_it() -> None:
    assert asked("fix -x it", "overbits") == ("task", ["dispatch", "overbits", "fix", "-x", "it"])
    assert asked("jobs", "overbits") == ("command", ["jobs"])
    assert asked("docs mend the index", "overbits")[0] == "command"
    assert asked("./there mend it", "overbits")[0] == "command"
    assert asked("--worktree docs mend it", "overbits")[0] == "command"


def test_a_task_of_many_lines_is_one_word_with_its_line_breaks() -> None:
    assert asked("overbits fix  this:\n  - a\n  - b")[1] == ["overbits", "fix this:\n  - a\n  - b"]
    assert asked("dispatch -q overbits one\ntwo")[1] == ["dispatch", "-q", "overbits", "one\ntwo"]
    assert asked("one\ntwo", "overbits")[1] == ["dispatch", "overbits", "one\ntwo"]
    assert asked("send a2f5 --json one\n\ntwo")[1] == ["send", "a2f5", "--json", "one\n\ntwo"]


def test_between_a_project_and_its_task_a_line_break_is_a_space() -> None:
    assert asked("overbits\nfix it")[1] == ["overbits", "fix", "it"]
    assert asked("jobs\n--json")[1] == ["jobs", "--json"]


def test_a_task_of_many_lines_names_no_file() -> None:
    assert asked("overbits @alice\nsays no")[1] == ["overbits", "@alice", "\nsays no"]


def test_what_the_command_line_refuses_is_left_to_it() -> None:
    assert asked("overbits --colour\nred")[1] == ["overbits", "--colour", "red"]


def test_an_open_quote_is_a_mistake() -> None:
    with pytest.raises(UsageError):
        parse_line("overbits don't")


@pytest.mark.parametrize(
    ("line", "using", "parts"),
    [
        ("overbits", "", ("overbits ", "")),
        ("""-a claude overbits say "it's"  so""", "", ("-a claude overbits ", "say it's so")),
        ("overbits one\n  two", "", ("overbits ", "one\n  two")),
        ("send a2f5", "", ("send a2f5 ", "")),
        ("send a2f5 do it", "", ("send a2f5 ", "do it")),
        ("", "overbits", ("", "")),
        ("say 'so'", "overbits", ("", "say so")),
        ("", "", None),
        ("send", "", None),
        ("jobs --json", "overbits", None),
        ("use docs", "", None),
        ("overbits 'open", "", None),
    ],
)
def test_a_line_with_a_task_has_a_part_before_it(line: str, using: str, parts: tuple[str, str] | None) -> None:
    assert split_text(line, ["overbits"], using) == parts


def test_every_kind_can_be_asked_for() -> None:
    lines = ["", "jobs", "use docs", "help", "exit"]
    kinds = {parse_line(line).kind for line in lines} | {parse_line("fix it", [], "overbits").kind}
    assert kinds == set(LineKind)


def test_a_plain_task_is_sent_as_a_dispatch_whose_options_are_checked() -> None:
    assert asked("fix it --max-cost 1", "overbits")[1] == ["dispatch", "overbits", "fix", "it", "--max-cost", "1"]
    assert asked("@task.md", "overbits")[1] == ["dispatch", "overbits", "@task.md"]
