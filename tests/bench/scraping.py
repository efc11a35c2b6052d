"""How long a scrape of `luzia metrics` takes, with notices that wait for delivery."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from luzia_client.notify.notices import Notice
from luzia_client.notify.outbox import Outbox
from luzia_client.notify.rules import Posting
from support import PrivateDaemon

SCRAPES = 50
NOTICES = 10_000


def measure(daemon: PrivateDaemon) -> float:
    """The median time of a scrape over HTTP, in seconds."""
    _fill_outbox(daemon.state / "notify.db")
    luzia = str(Path(sys.executable).with_name("luzia"))
    command = [luzia, "metrics", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, env=daemon.env, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        taken = []
        for _ in range(SCRAPES):
            began = time.perf_counter()
            with urllib.request.urlopen(url) as reply:
                text = reply.read()
            taken.append(time.perf_counter() - began)
            assert b"luzia_up 1.0" in text
            assert b'luzia_notify_outbox{target="phone"} 10000.0' in text
        server.kill()
    return statistics.median(taken)


def _fill_outbox(file: Path) -> None:
    """Let notices wait for a target that has been away for hours."""
    now = datetime.now(UTC)
    outbox = Outbox(file)
    waiting = (
        (Notice("failed", f"{number}", now, {"project": "overbits"}), Posting("phone")) for number in range(NOTICES)
    )
    outbox.take(waiting, now.timestamp())
    outbox.close()
