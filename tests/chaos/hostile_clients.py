"""Attacks by clients: floods, replies that nobody reads, requests that never end, and values out of every range."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from chaos.fuzz_socket import Fuzzer
from support import Connection

if TYPE_CHECKING:
    from chaos.hostile import Run

MIB = 1024 * 1024
MOMENTS = [
    "9999-12-31T23:59:59-05:00",
    "0001-01-01T00:00:00+23:59",
    "1969-12-31T23:59:59Z",
    "2026-02-30T00:00:00Z",
    "+292277026596-12-04T15:30:08Z",
]
ODD_FRAMES = [  # OWN is a job that has ended: a wait for another one may last as long as its timeout says
    b'{"op":"list","limit":1e999}\n',
    b'{"op":"list","limit":-1}\n',
    b'{"op":"list","limit":99999999999999999999999999}\n',
    b'{"op":"status","job":"\\ud800"}\n',
    b'{"op":"status","job":"\\u0000"}\n',
    b'{"op":"status","op":"info","op":"list"}\n',
    b'{"op":"status","job":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    b'{"op":"wait","jobs":["OWN"],"timeout_s":1e308}\n',
    b'{"op":"wait","jobs":["OWN"],"timeout_s":-1}\n',
    b'{"op":"logs","job":"OWN","offset":9223372036854775807,"max_bytes":9223372036854775807}\n',
    b'{"op":"subscribe","after":18446744073709551616}\n',
    b"\x00" * 1000 + b"\n",
    b"\xff\xfe\n",
]


@contextmanager
def peers(run: Run, count: int) -> Iterator[list[socket.socket]]:
    """So many connections that never block."""
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            peer = stack.enter_context(socket.socket(socket.AF_UNIX))
            peer.connect(run.daemon.socket)
            peer.setblocking(False)
            found.append(peer)
        yield found


def send(peer: socket.socket, data: bytes, seconds: float = 2.0) -> None:
    """Send as much as the daemon takes in this time."""
    deadline, rest = time.monotonic() + seconds, memoryview(data)
    while rest and time.monotonic() < deadline:
        try:
            rest = rest[peer.send(rest) :]
        except BlockingIOError:
            time.sleep(0.01)
        except (BrokenPipeError, ConnectionResetError):
            return


def flood(line: bytes, connections: int, times: int, held_s: float) -> Callable[[Run], None]:
    """An attack: each connection sends the line so many times, reads nothing, and is closed after a while."""

    def attack(run: Run) -> None:
        with peers(run, connections) as found:
            for peer in found:
                with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                    peer.send(line * times)
            time.sleep(held_s)

    return attack


def unread_output(run: Run) -> None:
    """Many read a mebibyte of output, and none of them reads it."""
    with run.daemon.connect() as wire:
        job = _hostile(run, wire, task="head -c 2000000 /dev/zero | tr '\\\\0' x")
        wire.ok(op="wait", jobs=[job], timeout_s=20)
    flood(b'{"op":"logs","job":"%b","offset":0}\n' % job.encode(), 200, 64, 1.0)(run)


def unread_streams(run: Run) -> None:
    """Many follow all events from the first on, over as many streams as there may be, and read none."""
    flood(b'{"op":"subscribe","after":0}\n', 60, 64, 1.0)(run)


def long_waits(run: Run) -> None:
    """Many wait for ten thousand jobs each."""
    with run.daemon.connect() as wire:
        job = _hostile(run, wire, task="sleep 1")
    flood(b'{"op":"wait","jobs":%b}\n' % json.dumps([job] * 10_000).encode(), 60, 2, 1.0)(run)


def unfinished_frames(run: Run) -> None:
    """Many send a request that has no end."""
    with peers(run, 100) as found:
        for peer in found:
            send(peer, b'{"op":"' + b"x" * (4 * MIB - 100), seconds=0.1)
        time.sleep(1.0)


def slow_frames(run: Run) -> None:
    """Requests come byte by byte, and stop in the middle."""
    with peers(run, 100) as found:
        for byte in b'{"op":"info"':
            for peer in found:
                with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                    peer.send(bytes([byte]))


def large_tasks(run: Run) -> None:
    """Three hundred tasks of a mebibyte, which are held."""
    with ExitStack() as stack:
        wires = [stack.enter_context(run.daemon.connect()) for _ in range(5)]
        for wire in wires:
            frame = {"op": "dispatch", "project": "overbits", "task": "#" + "x" * (MIB - 1), "hold": True}
            for _ in range(60):
                wire.send(**frame)
                _note(run, [wire.receive()])


def many_variables(run: Run) -> None:
    """More variables than a program can have, and as many as it can."""
    with run.daemon.connect() as wire:
        for count in (200_000, 60_000):
            mark = run.chance.randrange(1000)
            variables = {f"V{mark}-{number}": "x" for number in range(count)}
            answer = wire.ask(op="dispatch", project="overbits", task="true", env=variables)
            assert ("ok" in answer) is (count < 100_000), answer.get("error")
            _note(run, [answer])


def impossible_moments(run: Run) -> None:
    """Times that some clock or calendar does not have; whether they are accepted or refused, everybody can look."""
    with run.daemon.connect() as wire:
        for moment in MOMENTS:
            _note(run, [wire.ask(op="dispatch", project="overbits", task="true", not_before=moment)])
            node = {"name": "a", "project": "overbits", "task": "true", "not_before": moment}
            _note_graph(run, wire.ask(op="graph", jobs=[node]))
            job = {
                "id": "000000-0000",
                "name": "x",
                "project": "p",
                "agent": "shell",
                "task": "t",
                "state": "completed",
            }
            wire.ask(op="import", jobs=[job | {"created_at": moment, "ended_at": moment}])
        wire.ok(op="list", limit=1000)


def odd_frames(run: Run) -> None:
    """Frames at the edge of JSON, and beyond."""
    with run.daemon.connect() as wire:
        job = _hostile(run, wire, task="true")
        wire.ok(op="cancel", job=job)
        assert wire.ok(op="wait", jobs=[job], timeout_s=60)["timed_out"] is False
    for frame in ODD_FRAMES:
        with run.daemon.connect() as wire:
            wire.send_bytes(frame.replace(b"OWN", job.encode()))
            try:
                assert wire.receive().keys() & {"ok", "error", "event"}
            except TimeoutError as exc:
                raise AssertionError(f"no answer to {frame[:200]!r}") from exc


def fuzz(run: Run) -> None:
    """Requests that are damaged at random: each gets one answer."""
    fuzzer = Fuzzer(run.chance.randrange(1 << 30))
    with run.daemon.connect() as wire:
        for _ in range(300):
            wire.send_bytes(fuzzer.frame().replace(b"@last", b"@none"))  # the last job may be the honest client's
            answer = wire.receive()
            if isinstance(answer.get("ok"), dict) and "created" in answer["ok"]:
                _note(run, [answer])


def cascade(run: Run) -> None:
    """A graph of many jobs that hang on one, which is cancelled."""
    nodes: list[dict[str, Any]] = [{"name": "first", "project": "overbits", "task": "sleep 100", "hold": True}]
    nodes += [{"name": f"n{n}", "project": "overbits", "task": "true", "after": ["first"]} for n in range(1500)]
    with run.daemon.connect() as wire:
        jobs = _note_graph(run, wire.ask(op="graph", jobs=nodes))
        wire.ok(op="cancel", job=jobs[0])


def many_dependencies(run: Run) -> None:
    """Jobs that depend on hundreds of others, by a dispatch and by an edit."""
    with run.daemon.connect() as wire:
        parents = [_hostile(run, wire, task="true", hold=True) for _ in range(300)]
        for _ in range(50):
            job = _hostile(run, wire, task="true", after=parents)
            wire.ask(op="edit", job=job, after=parents[1:], after_any=parents[:1])


def due_schedules(run: Run) -> None:
    """Three hundred schedules that are due every second, whose jobs queue up behind one another."""
    names = [f"every-second-{number}" for number in range(300)]
    job = {"project": "overbits", "task": "sleep 100"}
    with run.daemon.connect() as wire:
        for name in names:
            wire.ask(op="schedule_add", name=name, cron="* * * * * *", job=job, overlap="queue", missed="all")
        time.sleep(3.0)
        for name in names:
            wire.ask(op="schedule_remove", name=name)
        page: dict[str, Any] = {"next": None}
        while page["next"] is not None or "jobs" not in page:
            cursor = {} if page["next"] is None else {"cursor": page["next"]}
            page = wire.ok(op="list", limit=1000, states=["queued", "starting", "running"], **cursor)
            run.hostile += [job["id"] for job in page["jobs"] if "schedule" in job["tags"]]


def dispatch_and_go(run: Run) -> None:
    """Dispatches whose sender does not wait for the answer."""
    line = b'{"op":"dispatch","project":"overbits","task":"true","tags":{"from":"nobody"}}\n'
    flood(line, 20, 20, 0.0)(run)


def _hostile(run: Run, wire: Connection, **request: object) -> str:
    job: str = wire.ok(op="dispatch", project="overbits", **request)["job"]
    run.hostile.append(job)
    return job


def _note_graph(run: Run, answer: dict[str, Any]) -> list[str]:
    jobs: list[str] = [*answer["ok"]["jobs"].values()] if "ok" in answer else []
    run.hostile += jobs
    return jobs


def _note(run: Run, answers: list[dict[str, Any]]) -> None:
    run.hostile += [answer["ok"]["job"] for answer in answers if "ok" in answer]


ATTACKS: dict[str, Callable[[Run], None]] = {
    "lists, and gone": flood(b'{"op":"list","limit":1000}\n', 1, 4000, 0.0),
    "lists that nobody reads": flood(b'{"op":"list","limit":1000}\n', 20, 100, 1.0),
    "sorted lists": flood(b'{"op":"list","limit":1000,"sort":"priority"}\n', 20, 20, 1.0),
    "info by 200 clients": flood(b'{"op":"info"}\n', 200, 50, 0.5),
    "connections, and gone": flood(b"", 200, 1, 0.0),
    "unread output": unread_output,
    "unread streams": unread_streams,
    "long waits": long_waits,
    "unfinished frames": unfinished_frames,
    "slow frames": slow_frames,
    "large tasks": large_tasks,
    "many variables": many_variables,
    "impossible moments": impossible_moments,
    "odd frames": odd_frames,
    "fuzz": fuzz,
    "a cascade": cascade,
    "many dependencies": many_dependencies,
    "due schedules": due_schedules,
    "dispatch, and gone": dispatch_and_go,
}
