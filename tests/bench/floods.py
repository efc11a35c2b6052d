"""What floods of requests cost another client, and the daemon's memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from support import Connection, PrivateDaemon

PROBES = 200
PAUSE_S = 0.02
FLOOD = """
import select, socket, sys
path, connections, file, ahead, reads = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]
line = open(file, "rb").read()
poll = select.epoll()
peers = {}
for _ in range(connections):
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(path)
    peer.setblocking(False)
    peers[peer.fileno()] = peer
    poll.register(peer, select.EPOLLIN)
def send(peer, lines):
    try:
        peer.send(lines)
    except (BlockingIOError, BrokenPipeError, ConnectionResetError):
        pass
for peer in peers.values():
    send(peer, line * ahead)
print("sent", flush=True)
poll.register(0, select.EPOLLIN)
while reads == "reads":
    for number, _ in poll.poll():
        if number == 0:
            sys.exit()
        try:
            received = peers[number].recv(1 << 20)
        except ConnectionResetError:
            received = b""
        if not received:
            poll.unregister(number)
        send(peers[number], line * received.count(b"\\n"))
sys.stdin.read()
"""


class Attack(NamedTuple):
    """connections: how many. line: what each sends `ahead` times at once, and then for each reply if it `reads`."""

    name: str
    connections: int
    line: bytes
    ahead: int
    reads: bool


def attacks(job: str) -> list[Attack]:
    """The floods that are measured. job: one that has printed a megabyte."""
    ids = json.dumps([job] * 10_000).encode()
    return [
        Attack("20 clients with 100 lists of 1,000 jobs each", 20, b'{"op":"list","limit":1000}\n', 100, True),
        Attack("200 clients with `info`", 200, b'{"op":"info"}\n', 50, True),
        Attack("20 clients with sorted lists", 20, b'{"op":"list","limit":1000,"sort":"priority"}\n', 10, True),
        Attack("100 unread outputs", 100, b'{"op":"logs","job":"%b","offset":0}\n' % job.encode(), 64, False),
        Attack("50 clients with waits for 10,000 jobs", 50, b'{"op":"wait","jobs":%b}\n' % ids, 2, False),
        Attack("60 incomplete requests of 4 MiB", 60, b'{"op":"%b' % (b"x" * 4_000_000), 1, False),
    ]


@contextmanager
def flood(daemon: PrivateDaemon, attack: Attack) -> Iterator[None]:
    """A process that attacks the daemon during the block."""
    file = daemon.root / "line"
    file.write_bytes(attack.line)
    words = [daemon.socket, str(attack.connections), str(file), str(attack.ahead), "reads" if attack.reads else ""]
    process = subprocess.Popen([sys.executable, "-c", FLOOD, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def p99(wire: Connection, job: str) -> float:
    """The 99th percentile of status requests with pauses, seconds."""
    times = []
    for _ in range(PROBES):
        began = time.perf_counter()
        wire.ok(op="status", job=job)
        times.append(time.perf_counter() - began)
        time.sleep(PAUSE_S)
    return sorted(times)[PROBES * 99 // 100 - 1]


class Measured(NamedTuple):
    """idle_s: the p99 of `status` without a flood. during_s: with each. grown: bytes of memory under all together."""

    idle_s: float
    during_s: dict[str, float]
    grown: int


def measure(daemon: PrivateDaemon, wire: Connection, jobs: list[str]) -> Measured:
    """Attack the daemon, which has these jobs and runs the first."""
    idle_s = p99(wire, jobs[-1])
    during_s = {}
    for attack in attacks(jobs[0]):
        with flood(daemon, attack):
            during_s[attack.name] = p99(wire, jobs[-1])
    before = wire.ok(op="info")["rss_bytes"]
    with ExitStack() as stack:
        for attack in attacks(jobs[0]):
            stack.enter_context(flood(daemon, attack))
        most = max(wire.ok(op="info")["rss_bytes"] for _ in range(PROBES))
    return Measured(idle_s, during_s, most - before)
