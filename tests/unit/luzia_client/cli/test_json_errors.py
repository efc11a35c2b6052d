"""With --json, an error is one object on stderr, which a program can read."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from luzia_client.cli import exit_codes
from luzia_client.cli.args.command_line import COMMANDS
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
