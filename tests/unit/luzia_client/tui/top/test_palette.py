"""Which commands a line of the palette runs on the selected jobs."""

from __future__ import annotations

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from luzia_protocol.jobs import Job, JobState

from luzia_client.tui.shell.candidates import KnownNames
from luzia_client.tui.top.palette import PaletteCompleter, on_selection, parse_command
from unit.luzia_client.tui.test_ordering import a_job

ONE, TWO = "120000-00a1", "120000-00a2"


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("cancel", [f"cancel {ONE} {TWO}"]),
        ("kill", [f"kill {ONE} {TWO}"]),
        ("luzia cancel --yes", [f"cancel {ONE} {TWO} --yes"]),
        ("retry --fresh", [f"retry {ONE} {TWO} --fresh"]),
        ("cancel 00a9", ["cancel 00a9"]),
        ("cancel --all", ["cancel --all"]),
        ("pause --project overbits", ["pause --project overbits"]),
        ("resume --agent=claude", ["resume --agent=claude"]),
        ("merge --commit -m text", [f"merge {ONE} --commit -m text", f"merge {TWO} --commit -m text"]),
        ("merge 00a9", ["merge 00a9"]),
        ("answer allow", [f"answer {ONE} allow", f"answer {TWO} allow"]),
        ("answer 00a1 allow", ["answer 00a1 allow"]),
        ("send @last go on", ["send @last go on"]),
        ("stats", ["stats"]),
        ("schedule list", ["schedule list"]),
        ("overbits fix it", ["overbits fix it"]),
    ],
)
def test_the_selected_jobs_are_added_to_commands_for_jobs_that_name_none(line: str, commands: list[str]) -> None:
    found = on_selection(parse_command(line), [ONE, TWO], lambda word: word.startswith("@") or ONE.endswith(word))
    assert [" ".join(words) for words in found] == commands


def test_without_a_selection_a_line_is_run_as_it_is() -> None:
    assert on_selection(["cancel"], [], lambda word: False) == [["cancel"]]
    assert parse_command("  ") == []


def completed(line: str, *jobs: Job) -> list[str]:
    completer = PaletteCompleter(lambda: KnownNames(jobs=jobs), lambda: jobs)
    return [each.text for each in completer.get_completions(Document(line), CompleteEvent())]


def test_commands_that_apply_to_the_selection_are_offered_first() -> None:
    live, ended = completed("", a_job(1, JobState.RUNNING)), completed("", a_job(1))
    assert live.index("cancel") < live.index("stats")
    assert live.index("cancel") < live.index("retry")
    assert ended.index("retry") < ended.index("cancel")
    assert {"use", "exit"}.isdisjoint(live)


def test_options_and_jobs_are_completed_too() -> None:
    assert "--fresh" in completed("retry --f", a_job(1))
    assert "120000-0001" in completed("retry 1200", a_job(1))
