"""How long the daemon's event loop is busy with one thing: the longest turn, in processor time, with many jobs."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from bench import floods
from bench.measures import dispatch_pipelined
from support import Connection, PrivateDaemon, eventually

TIMED_DAEMON = Path(__file__).with_name("timed_daemon.py")
FLOOD_S = 2.0
PROBE_S = 0.02
GRAPH_JOBS = 10_000
AGENTS, FOLLOWERS = 50, 20
CONFIG = """max_running = 1
[projects.chatty]
path = "{root}/chatty"
agent = "chatty"
[agents.chatty]
command = ["sh", "-c", "while sleep 0.2; do cat \\"$1\\"; done", "sh", "{recording}"]
prompt = "none"
reader = "claude"
[daemon]
max_running = 51
"""
RECORDING = Path(__file__).parents[1] / "data" / "recordings" / "claude" / "success.stdout"
START_S = 20.0


class Longest(NamedTuple):
    """The longest turn of the loop, in seconds, and the callback."""

    seconds: float
    callback: str


def measure(jobs: int) -> dict[str, Longest]:
    """The longest turn while jobs are dispatched, start, expire, are revived or removed together, and in floods."""
    found: dict[str, Longest] = {}
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        recording = Path(directory, "recording")
        recording.write_bytes(b"".join(RECORDING.read_bytes().splitlines(keepends=True)[:-1]))  # without the result
        Path(directory, "chatty").mkdir()
        daemon = PrivateDaemon(Path(directory), CONFIG.replace("{recording}", str(recording)) + "max_jobs = 1000000\n")
        try:
            with _timed(daemon, "dispatches", found) as wire:
                first = wire.ok(op="dispatch", project="overbits", task="seq 1 450000; sleep 100000")["job"]
                last = dispatch_pipelined(wire, jobs, b'"task":"true"')[-1]
            with _timed(daemon, "a search right after the start", found) as wire:
                assert wire.ok(op="list", search="nothing-of-this-kind")["jobs"] == []
            with _timed(daemon, "a graph, and its cancellation", found) as wire:
                _graph(wire)
            with _timed(daemon, "a common start time", found) as wire:
                at = datetime.now(UTC) + timedelta(seconds=START_S)
                held = dispatch_pipelined(wire, jobs // 5, b'"task":"true","not_before":"%b"' % at.isoformat().encode())
                eventually(lambda: "starts at" not in wire.ok(op="status", job=held[-1])["job"]["reason"])
            with _timed(daemon, "a common deadline", found) as wire:
                expiring = dispatch_pipelined(wire, jobs // 5, b'"task":"true","expires_s":5')
                eventually(lambda: wire.ok(op="status", job=expiring[-1])["job"]["state"] != "queued")
            with _timed(daemon, "a common parent, its cancellation and retry", found) as wire:
                _revive(wire, jobs // 5)
            with _timed(daemon, "a lower limit of kept jobs", found) as wire:
                (daemon.root / "config.toml").write_text(CONFIG + "max_jobs = 100\n")
                wire.ok(op="reload")
                eventually(lambda: _count(wire, "skipped", "timed_out", "cancelled") <= 100)
            for attack in floods.attacks(first):
                with _timed(daemon, attack.name, found) as wire, floods.flood(daemon, attack):
                    _probe(wire, last)
            with (
                _timed(daemon, f"{AGENTS} chatty agents and {FOLLOWERS} followers", found) as wire,
                ExitStack() as until,
            ):
                _chat(daemon, wire, until)
            with _timed(daemon, "the end", found) as wire:
                wire.ok(op="cancel", job=first)
        finally:
            daemon.end_everything()
    return found


def _chat(daemon: PrivateDaemon, wire: Connection, until: ExitStack) -> None:
    """Let agents print what their agent would, in the middle of a job, while others follow their output."""
    chatty = [wire.ok(op="dispatch", project="chatty", task="talk")["job"] for _ in range(AGENTS)]
    eventually(lambda: all(wire.ok(op="status", job=job)["job"]["state"] == "running" for job in chatty))
    for job in chatty[:FOLLOWERS]:
        follower = until.enter_context(daemon.connect())
        follower.ok(op="follow", job=job, render="text")
        threading.Thread(target=_read, args=(follower,), daemon=True).start()
    _probe(wire, chatty[-1])
    for job in chatty:
        wire.ok(op="cancel", job=job)
    wire.ok(op="wait", jobs=chatty)


def _read(follower: Connection) -> None:
    """Take all that comes, until the connection ends."""
    with suppress(OSError, EOFError, ValueError):
        while True:
            follower.receive()


@contextmanager
def _timed(daemon: PrivateDaemon, name: str, found: dict[str, Longest]) -> Iterator[Connection]:
    """A daemon that measures its turns during the block; `found` gets the longest."""
    file = daemon.root / "turns.json"
    daemon.start([str(TIMED_DAEMON), str(file)])
    with daemon.connect() as wire:
        yield wire
    daemon.stop()
    turns: dict[str, float] = json.loads(file.read_text())
    callback = max(turns, key=lambda each: turns[each])
    found[name] = Longest(turns[callback], callback)


def _graph(wire: Connection) -> None:
    jobs: list[dict[str, object]] = [
        {"name": f"job-{n}", "project": "overbits", "task": "true", "after": [f"job-{n // 2}"] if n else []}
        for n in range(GRAPH_JOBS)
    ]
    ids = wire.ok(op="graph", jobs=[{**jobs[0], "hold": True}, *jobs[1:]])["jobs"]
    wire.ok(op="cancel", job=ids["job-0"])
    eventually(lambda: wire.ok(op="status", job=ids[f"job-{GRAPH_JOBS - 1}"])["job"]["state"] == "skipped")


def _revive(wire: Connection, jobs: int) -> None:
    """Skip so many jobs with their parent, run it again, and cancel it."""
    parent = wire.ok(op="dispatch", project="overbits", task="true", hold=True)["job"]
    before = _count(wire, "skipped")
    dispatch_pipelined(wire, jobs, b'"task":"true","after":["%b"]' % parent.encode())
    for _ in range(2):
        wire.ok(op="cancel", job=parent)
        eventually(lambda: _count(wire, "skipped") == before + jobs)
        assert len(wire.ok(op="retry", job=parent)["revived"]) == jobs
    wire.ok(op="cancel", job=parent)
    eventually(lambda: _count(wire, "skipped") == before + jobs)


def _count(wire: Connection, *states: str) -> int:
    counts: dict[str, int] = wire.ok(op="info")["counts"]
    return sum(counts.get(state, 0) for state in states)


def _probe(wire: Connection, job: str) -> None:
    """Ask for little, during a flood."""
    until = time.monotonic() + FLOOD_S
    while time.monotonic() < until:
        wire.ok(op="status", job=job)
        time.sleep(PROBE_S)
