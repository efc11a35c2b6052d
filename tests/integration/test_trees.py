"""What becomes of the processes that a job leaves behind, by the settings of its project."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from support import eventually, private_daemon

SERVER = "setsid sleep 600 >/dev/null 2>&1 & echo $!"
CONFIG = '\n[projects.keeper]\npath = "{root}"\nagent = "shell"\nkeep_children = true\n'


def test_a_project_may_keep_what_its_agents_leave_running() -> None:
    with private_daemon(CONFIG) as daemon, daemon.connect() as wire:
        left = {}
        for project in ("overbits", "keeper"):
            job = wire.ok(op="dispatch", project=project, task=SERVER)["job"]
            wire.ok(op="wait", jobs=[job])
            left[project] = int(wire.ok(op="logs", job=job)["data"])
        assert not Path(f"/proc/{left['overbits']}").exists()
        eventually(lambda: _runs(left["keeper"]), "the server, which setsid becomes")
        os.kill(left["keeper"], signal.SIGTERM)
        eventually(lambda: not _runs(left["keeper"]), "the end of what was kept")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "sleep\n" and " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
