"""With --json, an error is one object on stderr, which a program can read."""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from luzia_client.cli import exit_codes
from luzia_client.cli.args.command_line import COMMANDS, DISPATCH_COMMANDS
from luzia_client.cli.args.parser import command_parser, load_command, option_names
from private_luzia import PrivateLuzia, private_luzia


@pytest.fixture(scope="module")
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        yield luzia


def error(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    found: dict[str, Any] = json.loads(line)["error"]
    assert found.keys() == {"code", "message", "hint", "status"}
    assert found["status"] == done.returncode
    return found


def test_a_refusal_has_the_code_of_the_daemon(luzia: PrivateLuzia) -> None:
    luzia.client()
    assert error(luzia.run("jobs", "nothing", "--json"))["code"] == "unknown_job"
    refused = error(luzia.run("--json", "nosuchproject", "fix it"))
    assert (refused["code"], refused["status"]) == ("unknown_project", exit_codes.REFUSED)
    assert refused["message"]
    assert refused["hint"]


def test_a_wrong_command_line_and_an_unreachable_daemon_have_codes_of_their_own(luzia: PrivateLuzia) -> None:
    assert error(luzia.run("jobs", "--state", "odd", "--json"))["code"] == "usage"
    luzia.env["LUZIA_NO_AUTOSTART"] = "1"
    luzia.env["LUZIA_SOCKET"] = f"{luzia.root}/none.sock"
    try:
        assert error(luzia.run("why", "x", "--json"))["code"] == "unreachable"
    finally:
        del luzia.env["LUZIA_SOCKET"], luzia.env["LUZIA_NO_AUTOSTART"]


def parsers_with_json() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The commands and actions that take --json, with their parsers; the two that dispatch have none."""
    for name in COMMANDS:
        if name in DISPATCH_COMMANDS:
            continue
        parser = command_parser(name, load_command(name))
        inner = [each.choices for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
        actions = {f"{name} {word}": each for choices in inner for word, each in choices.items()}
        for command, found in (actions or {name: parser}).items():
            if "--json" in option_names(found):
                yield command, found


WITH_JSON = dict(parsers_with_json())
OF_JOBS = [
    name
    for name, parser in WITH_JSON.items()
    if any(each.metavar == "ID" and not each.option_strings for each in parser._actions)
]
TEXTS_AFTER_ID = {"send": ["go on"], "answer": ["yes"], "edit": ["--priority=1"]}


@pytest.mark.parametrize("command", [*DISPATCH_COMMANDS, *WITH_JSON])
def test_every_command_tells_a_program_of_an_unknown_option(luzia: PrivateLuzia, command: str) -> None:
    found = error(luzia.run(*command.split(), "--nosuch", "--json"))
    assert (found["code"], found["status"]) == ("usage", exit_codes.USAGE)
    assert "--nosuch" in found["message"]
    assert found["hint"]


@pytest.mark.parametrize("command", OF_JOBS)
def test_every_command_of_a_job_tells_a_program_of_a_wrong_id(luzia: PrivateLuzia, command: str) -> None:
    luzia.client()
    found = error(luzia.run(*command.split(), "--json", "nosuchjob", *TEXTS_AFTER_ID.get(command, ())))
    assert (found["code"], found["status"]) == ("unknown_job", exit_codes.REFUSED)
    assert "nosuchjob" in found["message"]
    assert found["hint"]


def test_without_json_it_is_the_usual_text_also_when_a_task_has_the_word(luzia: PrivateLuzia) -> None:
    done = luzia.run("nosuchproject", "--", "explain", "--json")
    assert done.stderr.startswith(b"luzia: ")


def test_every_command_documents_its_exit_statuses() -> None:
    for name in COMMANDS:
        known = exit_codes.meanings(name)
        assert {0, 2, 3, 4} <= known.keys()
        assert all(known.values())
    assert exit_codes.meanings("wait")[6] == "an awaited job timed out"
    assert exit_codes.OF_COMMAND.keys() <= COMMANDS.keys()
