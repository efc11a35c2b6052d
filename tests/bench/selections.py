"""What commands for many jobs take, from their start to their end."""

from __future__ import annotations

import json
import time
from typing import NamedTuple

from support import PrivateDaemon, private_daemon

JOBS = 2_000


class Changed(NamedTuple):
    """Seconds of each whole command."""

    batch_s: float
    hold_s: float
    release_s: float
    cancel_s: float
    retry_s: float
    remove_s: float


def change() -> Changed:
    """Dispatch, hold, release, cancel, retry and remove as many jobs, none of which ever runs."""
    with private_daemon(f"[daemon]\nmax_jobs = {2 * JOBS}\n") as daemon:
        lines = [json.dumps({"project": "overbits", "task": f": {number}"}) for number in range(JOBS)]
        file = daemon.root / "tasks.jsonl"
        file.write_text("\n".join(lines))
        with daemon.connect() as wire:
            wire.ok(op="pause_queue")
        batch_s = _seconds(daemon, "batch", "--each", str(file))
        hold_s, release_s, cancel_s, retry_s = (
            _seconds(daemon, verb, "--all", "--yes") for verb in ("hold", "release", "cancel", "retry")
        )
        _seconds(daemon, "cancel", "--all", "--yes")
        remove_s = _seconds(daemon, "remove", "--all", "--yes")
    return Changed(batch_s, hold_s, release_s, cancel_s, retry_s, remove_s)


def _seconds(daemon: PrivateDaemon, *words: str) -> float:
    began = time.perf_counter()
    done = daemon.run(*words)
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == JOBS, words
    return seconds
