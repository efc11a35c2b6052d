"""`luzia export` and `luzia import`: jobs move to another machine, and nothing is lost, doubled or hidden."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luzia_client.cli import exit_codes
from support import PrivateDaemon, eventually, private_daemon

SECRET = "planted-secret-value"


@pytest.fixture
def here() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nmax_running = 2\nmax_jobs = 5\n") as running:
        yield running


@pytest.fixture
def there() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nmax_running = 2\n") as running:
        yield running


def dispatch(daemon: PrivateDaemon, task: str, **fields: object) -> str:
    with daemon.connect() as wire:
        job: str = wire.ok(op="dispatch", project="overbits", task=task, **fields)["job"]
        return job


def ended(daemon: PrivateDaemon, task: str, **fields: object) -> str:
    job = dispatch(daemon, task, **fields)
    with daemon.connect() as wire:
        wire.ok(op="wait", jobs=[job])
    return job


def status(daemon: PrivateDaemon, job: str) -> dict[str, Any]:
    with daemon.connect() as wire:
        found: dict[str, Any] = wire.ok(op="status", job=job)["job"]
        return found


def export(daemon: PrivateDaemon) -> Path:
    file = daemon.root / "jobs.jsonl"
    done = daemon.run("export", str(file))
    assert done.returncode == 0, done.stderr
    return file


def ids(daemon: PrivateDaemon) -> list[str]:
    with daemon.connect() as wire:
        return [job["id"] for job in wire.ok(op="list", limit=100)["jobs"]]


def test_records_and_attempts_move_without_any_secret_and_may_be_imported_twice(
    here: PrivateDaemon, there: PrivateDaemon
) -> None:
    failed = ended(there, "exit 5", env={"TOKEN": SECRET}, key="nightly")
    with there.connect() as wire:
        wire.ok(op="retry", job=failed)
        wire.ok(op="wait", jobs=[failed])
    running = dispatch(there, "sleep 600")
    eventually(lambda: status(there, running)["state"] == "running")
    mine = ended(here, "exit 3", key="nightly")
    file = export(there)
    assert SECRET not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    first, *jobs, last = map(json.loads, file.read_text().splitlines())
    assert (first["luzia_export"], last) == (1, {"end": 2})
    assert [each["job"]["id"] for each in jobs] == [failed, running]

    done = here.run("import", str(file))
    assert done.returncode == 0, done.stderr
    assert "Imported 2 jobs; 0 already existed, 0 refused" in done.stdout
    assert f"line 2: {failed}: key 'nightly' dropped: job {mine} has it" in done.stdout
    assert f"line 3: {running}: running when exported, now lost" in done.stdout
    old, new = status(there, failed), status(here, failed)
    for name in ("task", "state", "exit_code", "created_at", "ended_at", "env_names", "reason", "outcome"):
        assert new[name] == (old[name] if name != "env_names" else []), name
    assert new["project"].startswith("overbits-"), "its directory is not that of the project here"
    assert [each["exit_code"] for each in new["attempts"]] == [5, 5]
    assert (status(here, running)["state"], status(here, mine)["key"]) == ("lost", "nightly")

    retry = here.run("import", str(file))
    assert "Imported 0 jobs; 2 already existed, 0 refused" in retry.stdout
    assert retry.returncode == 0
    here.kill()
    here.start()
    assert set(ids(here)) == {mine, failed, running}
    assert status(here, failed)["attempts"] == new["attempts"]
    assert status(there, running)["state"] == "running", "nothing happened to it there"


def test_every_line_that_is_wrong_is_told_by_its_number_and_the_others_are_taken(
    here: PrivateDaemon, there: PrivateDaemon
) -> None:
    jobs = [ended(there, "true") for _ in range(3)]
    head, one, two, three, _ = export(there).read_text().splitlines()
    strange = json.loads(two)
    strange["job"]["id"] = "../../etc"
    file = here.root / "mixed.jsonl"
    file.write_text("\n".join([head, "not JSON", one, '{"job": {"id": 5}}', "", json.dumps(strange), three]) + "\n")
    done = here.run("import", str(file))
    assert done.returncode == exit_codes.REFUSED
    for number in (2, 4, 6):
        assert f"line {number}: " in done.stderr
    assert "the file is incomplete" in done.stderr
    assert set(ids(here)) == {jobs[0], jobs[2]}
    for content in ("", "hello\n", '{"luzia_export": 99, "version": "9"}\n'):
        file.write_text(content)
        refused = here.run("import", str(file))
        assert refused.returncode == exit_codes.USAGE, content
        assert "line 1: " in refused.stderr


def test_an_import_pushes_no_job_out(here: PrivateDaemon, there: PrivateDaemon) -> None:
    mine = [ended(here, "true") for _ in range(3)]
    theirs = [ended(there, "true") for _ in range(4)]
    done = here.run("import", str(export(there)))
    assert done.returncode == exit_codes.REFUSED
    assert "Imported 2 jobs; 0 already existed, 2 refused" in done.stdout
    assert "line 4: 5 finished jobs exist, which is the limit" in done.stderr
    assert set(ids(here)) == {*mine, *theirs[:2]}


def test_an_export_goes_to_the_standard_output_and_overwrites_no_file(there: PrivateDaemon) -> None:
    job = ended(there, "echo '\x1b[2J'")
    printed = there.run("export").stdout.splitlines()
    assert json.loads(printed[1])["job"]["id"] == job
    file = export(there)
    before = file.read_text()
    assert there.run("export", str(file)).returncode == exit_codes.USAGE
    assert file.read_text() == before
    assert os.listdir(there.root).count("jobs.jsonl.part") == 0
    nowhere = there.run("export", f"{there.root}/nowhere/jobs.jsonl")
    assert nowhere.returncode == exit_codes.INPUT_OUTPUT
    assert nowhere.stderr == (
        f"luzia: {there.root}/nowhere/jobs.jsonl: No such file or directory\n"
        "  Check the path; a relative one begins in the current directory.\n"
    )
