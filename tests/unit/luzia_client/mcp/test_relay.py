"""The relay goes on when a hub is gone as soon as it has been reached."""

from __future__ import annotations

import subprocess
import sys

DYING_HUB = """
import socket, sys
from luzia_client.mcp.relay import main, meeting
hubs = []
def connect(path):
    ours, theirs = socket.socketpair()
    hubs.append(theirs)
    if len(hubs) < 3:
        theirs.close()
    return ours
meeting.connect = connect
status = main.run()
print(len(hubs), hubs[-1].recv(1000).count(b"\\n"))
sys.exit(status)
"""


def test_a_hub_that_dies_while_it_is_told_who_calls_is_replaced() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DYING_HUB], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 1\n", "")
