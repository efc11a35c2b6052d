"""What each command loads is listed, so that none becomes slower unnoticed."""

from __future__ import annotations

import pytest

from luzia_client.cli.args.command_line import COMMANDS
from unit.house import imports

Rows = dict[str, set[str]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return imports.taken()


def test_the_list_of_what_commands_load_is_up_to_date(rows: Rows) -> None:
    assert rows.keys() == {*COMMANDS, *imports.SHARED, "jobs_alone", "jobs_id", "--help", "--complete"}
    listed = imports.PATH.read_text()
    assert listed == imports.table(rows), (
        "run `make generate`, and look at what has been added to tests/data/imports.txt"
    )


def test_what_must_be_quick_loads_neither_the_structs_nor_what_takes_long(rows: Rows) -> None:
    slow = {"msgspec", "socket", "subprocess", "asyncio", "typing", "inspect", "dataclasses", "prompt_toolkit"}
    for row in ("--help", "--complete", "dispatch", "run", "jobs", "help", "completions"):
        assert not rows[row] & {*slow, "luzia_protocol.jobs", "luzia_client.api.client"}, row
    for row in ("jobs_alone", "jobs_id"):
        assert not rows[row] & {*slow, "argparse", "json", "re"}, row
    assert {row for row, names in rows.items() if "prompt_toolkit" in names} <= {"top", "shell"}
