"""An attempt whose end cannot be found out, because its directory cannot be used: the job says so until it can."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import PrivateDaemon, ended, eventually, private_daemon, status

UNUSABLE = """
import errno, os, sys
from luziad import cli
from luziad.executor import attempt_directory
create, place = attempt_directory._create, sys.argv.pop(1)
def refuse(directory):
    if os.path.exists(place + "/broken"):
        raise PermissionError(errno.EACCES, "Permission denied", directory)
    return create(directory)
attempt_directory._create = refuse
sys.exit(cli.main())
"""


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon(program=["-c", UNUSABLE, "{root}"]) as running:
        yield running


def test_a_job_that_is_starting_says_why_it_neither_starts_nor_fails(daemon: PrivateDaemon) -> None:
    broken = daemon.root / "broken"
    with daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", task="echo done", hold=True)["job"]
        directory = daemon.state / "jobs" / job
        directory.write_text("a file is in the way")
        broken.touch()
        wire.ok(op="release", job=job)
        eventually(lambda: status(wire, job)["reason"] is not None, "a reason")
        shown = status(wire, job)
        assert shown["state"] == "starting"
        assert "Permission denied" in shown["reason"]
        assert str(directory / "1") in shown["reason"], "where"
        assert "luziad tries again by itself" in shown["reason"]
        assert wire.ok(op="list")["jobs"][0]["reason"] == shown["reason"]
        words = " ".join(daemon.run("jobs", job).stdout.split())
        assert "Permission denied" in words, "and people see it"
        broken.unlink()
        directory.unlink()
        (after,) = ended(wire, job)
        assert "Permission denied" not in (after["reason"] or "")
