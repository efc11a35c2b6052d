"""How long a scrape of `luzia metrics` takes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from support import PrivateDaemon

SCRAPES = 50


def measure(daemon: PrivateDaemon) -> float:
    """The median time of a scrape over HTTP, in seconds."""
    luzia = str(Path(sys.executable).with_name("luzia"))
    command = [luzia, "metrics", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, env=daemon.env, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        taken = []
        for _ in range(SCRAPES):
            began = time.perf_counter()
            with urllib.request.urlopen(url) as reply:
                assert b"luzia_up 1.0" in reply.read()
            taken.append(time.perf_counter() - began)
        server.kill()
    return statistics.median(taken)
