"""Idempotency keys: each user has a space of keys, and nobody takes those of others, schedules or imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from luziad.schedules.due import run_key
from support import DEADLINE_S, Connection, PrivateDaemon, dispatch, eventually, private_daemon

AS_NOBODY = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
peer.sendall(sys.argv[2].encode() + b"\\n")
print(peer.makefile().readline())
"""

OPEN_TO_ALL = """
import sys
from luziad.server.connection_limits import AdmissionControl
AdmissionControl._in_group = lambda *_: True
from luziad.cli import main
sys.exit(main())
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    """A daemon to which other users can connect, as the members of its group can to the system service."""
    with private_daemon(program=("-c", OPEN_TO_ALL)) as daemon:
        daemon.root.chmod(0o711)
        let_in(daemon)
        yield daemon


def let_in(daemon: PrivateDaemon) -> None:
    """Let other users connect, since the daemon was started."""
    Path(daemon.socket).parent.chmod(0o711)
    Path(daemon.socket).chmod(0o666)


def ask_as_nobody(daemon: PrivateDaemon, **request: object) -> dict[str, Any]:
    """What another user's request is answered with."""
    command = [sys.executable, "-c", AS_NOBODY, daemon.socket, json.dumps(request)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE_S)
    answer = json.loads(done.stdout)
    assert "ok" in answer, answer
    found: dict[str, Any] = answer["ok"]
    return found


def exported(job: str, **fields: object) -> dict[str, object]:
    """A job as another luzia has exported it."""
    ended = {"created_at": "2025-01-01T00:00:00Z", "ended_at": "2025-01-01T00:00:00Z", "state": "completed"}
    return {"id": job, "name": "x", "project": "p", "agent": "shell", "task": "t", **ended, **fields}


def test_a_key_of_another_user_is_another_key(wire: Connection, daemon: PrivateDaemon) -> None:
    theirs = ask_as_nobody(daemon, op="dispatch", project="overbits", task="false", key="deploy-42")
    mine = wire.ok(op="dispatch", project="overbits", task="true", key="deploy-42")
    assert mine["created"]
    assert mine["job"] != theirs["job"]
    again = ask_as_nobody(daemon, op="dispatch", project="overbits", task="false", key="deploy-42")
    assert (again["job"], again["created"]) == (theirs["job"], False)
    assert wire.ok(op="dispatch", project="overbits", task="true", key="deploy-42")["job"] == mine["job"]


def test_a_key_of_another_users_graph_is_another_key(wire: Connection, daemon: PrivateDaemon) -> None:
    graph = {"op": "graph", "jobs": [{"name": "a", "project": "overbits", "task": "true"}], "key": "nightly"}
    theirs = ask_as_nobody(daemon, **graph)
    mine = wire.ok(**graph)
    assert mine["created"]
    assert mine["jobs"]["a"] != theirs["jobs"]["a"]
    assert wire.ok(**graph)["jobs"] == mine["jobs"]


def test_nobody_takes_the_run_of_a_schedule(wire: Connection, daemon: PrivateDaemon) -> None:
    now = int(datetime.now(UTC).timestamp())
    taken = {
        dispatch(wire, "false", key=run_key("taken", at_s), hold=True) for at_s in range(now, now + int(DEADLINE_S))
    }
    jobs = [exported(f"25010{n}-abcd", key=run_key("taken", now + n)) for n in range(10)]
    wire.ok(op="import", jobs=jobs)
    wire.ok(op="schedule_add", name="taken", cron="* * * * * *", job={"project": "overbits", "task": "true"})
    try:
        last = eventually(lambda: wire.ok(op="schedule_show", name="taken")["schedule"]["last"], "a run")
        assert last["job"] not in taken
        assert wire.ok(op="status", job=last["job"])["job"]["task"] == "true"
    finally:
        wire.ok(op="schedule_remove", name="taken")
        for job in taken:
            wire.ok(op="cancel", job=job)


def test_a_key_that_is_imported_is_that_of_who_imports_it_also_after_a_restart(daemon: PrivateDaemon) -> None:
    ask_as_nobody(daemon, op="import", jobs=[exported("250101-aaaa", key="moved")])
    daemon.kill()
    daemon.start(["-c", OPEN_TO_ALL])
    let_in(daemon)
    with daemon.connect() as wire:
        assert wire.ok(op="dispatch", project="overbits", task="true", key="moved")["created"]
        wire.ok(op="import", jobs=[exported("250101-bbbb", key="mine")])
        assert wire.ok(op="dispatch", project="overbits", task="true", key="mine")["job"] == "250101-bbbb"
    moved = ask_as_nobody(daemon, op="dispatch", project="overbits", task="true", key="moved")
    assert (moved["job"], moved["created"]) == ("250101-aaaa", False)
