"""Programs are asked for their version once, within limits, and never in the way of anything else."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from luziad.operations.versions import AgentVersion, Program, VersionProbe

LONG_S = 60.0


@pytest.fixture
async def versions() -> AsyncIterator[VersionProbe]:
    """What asks."""
    asks = VersionProbe()
    yield asks
    asks.close()


def program(directory: Path, script: str, name: str = "agent") -> str:
    """A program that is a shell script, and tells in `asked` how often it was run."""
    path = directory / name
    path.write_text(f"#!/bin/sh\necho x >> {directory}/asked\n{script}\n")
    path.chmod(0o755)
    return str(path)


async def ask(versions: VersionProbe, *paths: str, wait_s: float = LONG_S, **env: str) -> dict[str, AgentVersion]:
    """The versions of programs by their paths. env: variables of theirs besides PATH."""
    environment = {"PATH": os.environ["PATH"], **env}
    return await versions.get({path: Program(path, environment) for path in paths}, wait_s)


def times_asked(directory: Path) -> int:
    """How often the program was run."""
    return len((directory / "asked").read_text().splitlines())


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("2.1.330 (Claude Code)", "2.1.330"),
        ("codex-cli 0.169.0", "0.169.0"),
        ("vibe 3.0.2", "3.0.2"),
        ("v1.18.33-beta.2", "1.18.33-beta.2"),
        ("Warning: no terminal\n0.61.0", "0.61.0"),
        ("a program", None),
        ("", None),
    ],
)
async def test_the_version_is_found_in_what_a_program_prints(
    versions: VersionProbe, tmp_path: Path, printed: str, version: str | None
) -> None:
    path = program(tmp_path, f'[ "$1" = --version ] && printf "%s\\n" "{printed}"')
    assert await ask(versions, path) == {path: AgentVersion(version, "")}


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo 'no node here' >&2; exit 127", "exit code 127: no node here"),
        ("exit 3", "exit code 3"),
        ("kill -TERM $$", "killed by SIGTERM"),
    ],
)
async def test_a_program_that_does_not_start_says_why(
    versions: VersionProbe, tmp_path: Path, script: str, problem: str
) -> None:
    path = program(tmp_path, script)
    assert await ask(versions, path) == {path: AgentVersion(None, problem)}


async def test_a_program_without_its_interpreter_cannot_be_executed(versions: VersionProbe, tmp_path: Path) -> None:
    path = tmp_path / "agent"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    told = (await ask(versions, str(path)))[str(path)]
    assert told == AgentVersion(None, "cannot execute it: No such file or directory")


async def test_a_program_is_asked_again_only_when_its_file_has_changed(versions: VersionProbe, tmp_path: Path) -> None:
    path = program(tmp_path, "echo 1.0")
    for _ in range(3):
        assert (await ask(versions, path))[path].version == "1.0"
    assert times_asked(tmp_path) == 1
    program(tmp_path, "echo 1.10")
    assert (await ask(versions, path))[path].version == "1.10"
    assert times_asked(tmp_path) == 2


async def test_a_program_is_asked_again_in_another_environment(versions: VersionProbe, tmp_path: Path) -> None:
    path = program(tmp_path, 'echo "$NUMBER"')
    for number in ("1.1", "1.2", "1.1"):
        assert (await ask(versions, path, NUMBER=number))[path].version == number
    assert times_asked(tmp_path) == 2


async def test_who_does_not_want_to_wait_gets_the_answer_the_next_time(versions: VersionProbe, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    path = program(tmp_path, f"read line < {gate}; echo 7.7")
    assert await ask(versions, path, wait_s=0.0) == {}
    gate.write_text("go\n")
    assert (await ask(versions, path))[path].version == "7.7"
    assert times_asked(tmp_path) == 1


async def test_a_program_that_hangs_or_never_stops_printing_is_ended_with_what_it_started(tmp_path: Path) -> None:
    versions = VersionProbe(timeout_s=1.0)
    hangs = program(tmp_path, "sleep 600 & sleep 600", "hangs")
    chatty = program(tmp_path, "exec yes", "chatty")
    told = await ask(versions, hangs, chatty)
    assert told[hangs] == AgentVersion(None, "--version did not finish within 1 s")
    assert told[chatty].problem
    versions.close()


async def test_closing_does_not_wait_for_a_program_that_hangs(tmp_path: Path) -> None:
    versions = VersionProbe(timeout_s=3600.0)
    path = program(tmp_path, "sleep 3600")
    assert await ask(versions, path, wait_s=0.0) == {}
    versions.close()
