"""A soak: thousands of jobs with cancels, restarts and slow readers, and afterwards everything is where it began.

    PYTHONPATH=tests python -m chaos.soak --jobs 10000 --slots 64 --seed 1

The daemon is warmed up with some jobs and measured: memory, open files, threads, and the processes of the run. In the
first half of the jobs it is killed and restarted, in the second it lives on. Then it is measured again. The exit
status is 1 when something has grown by more than its tolerance, something is left behind, or a job has not ended as
it must.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from chaos import processes
from support import DEADLINE_S, PrivateDaemon

CONFIG = """
[daemon]
max_running = {slots}
max_jobs = 500
grace_s = 0.2
snapshot_interval_s = 1.0
"""
OUTSTANDING = 200
"""Jobs that may be under way at once, beyond which nobody dispatches."""
MEMORY_TOLERANCE = 24 * 1024 * 1024
FILES_TOLERANCE = 4
THREADS_TOLERANCE = 3
"""The daemon starts each of its few threads when it first has work for it."""
_GONE = (OSError, EOFError, ValueError)  # a frame is cut short when the daemon is killed


class Measured(NamedTuple):
    """What the daemon and its fork server take: bytes of memory, open files, threads; and processes of the run."""

    memory: int
    fork_server_memory: int
    files: int
    threads: int
    processes: int


class Soak:
    """What the clients of a soak share. codes: the exit code that each job must have, None for one to be cancelled."""

    def __init__(self, daemon: PrivateDaemon, seed: str) -> None:
        self.daemon = daemon
        self.seed = seed
        self.codes: dict[str, int | None] = {}
        self.ended: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.mistakes: list[str] = []
        self.calm = threading.Event()
        self.over = threading.Event()
        self.lock = threading.Lock()

    def ask(self, **request: object) -> dict[str, Any]:
        """Ask until a daemon answers."""
        while True:
            with contextlib.suppress(*_GONE), self.daemon.connect() as wire:
                answer = wire.ask(**request)
                if answer.get("error", {}).get("code") != "shutting_down":
                    return answer
            time.sleep(0.02)

    def dispatch(self, number: int, chance: random.Random) -> None:
        """Dispatch a job: a short one, one that leaves something behind, or one that runs until it is cancelled."""
        kind = chance.random()
        code = None if kind < 0.1 else chance.choice((0, 0, 1, 137))
        ending = "exec sleep 600" if code is None else f"exit {code}"
        left = "(setsid sleep 600 &); " if kind > 0.95 else ""
        task = f"{left}echo {number}; {ending}"
        answer = self.ask(op="dispatch", project="overbits", task=task, key=f"soak-{number}", timeout_s=600)
        job = answer["ok"]["job"]
        with self.lock:
            self.codes[job] = code
        if code is None:
            self.ask(op="cancel", job=job)

    def under_way(self) -> int:
        """Jobs that have not ended, as far as the follower has heard."""
        with self.lock:
            return len(self.codes) - len(self.ended)

    def follow(self) -> None:
        """Hear of every end, over all restarts, and check it."""
        after = 0
        while not self.over.is_set():
            with contextlib.suppress(*_GONE), self.daemon.connect() as wire:
                wire.socket.settimeout(1.0)
                wire.ok(op="subscribe", after=after, kinds=["ended"])
                while True:
                    event = wire.receive()["event"]
                    after = event["seq"]
                    self._check(event)
            time.sleep(0.02)

    def _check(self, event: dict[str, Any]) -> None:
        job = event["job"]
        deadline = time.monotonic() + DEADLINE_S
        while job not in self.codes and time.monotonic() < deadline:
            time.sleep(0.001)  # its dispatch is being answered just now
        with self.lock:
            self.ended.add(job)
        code, found = self.codes[job], (event["outcome"], event.get("exit_code"))
        self.counts[f"outcomes: {event['outcome']}"] += 1
        right = ("completed" if code == 0 else "failed", code)
        if found != right and not (code is None and event["outcome"] == "cancelled"):
            self.mistakes.append(f"{job} ended as {found} and should have as {right}")


def read_slowly(soak: Soak, name: str) -> None:
    """Subscribe and follow, read little or nothing of it, go away, and begin again."""
    chance = random.Random(f"{soak.seed} {name}")
    while not soak.over.is_set():
        with contextlib.suppress(*_GONE), soak.daemon.connect() as wire:
            wire.send(op="subscribe", after=0)
            wire.send(op="list", limit=1000)
            for _ in range(chance.choice((0, 1, 50))):
                wire.receive()
            soak.counts["slow readers"] += 1
            soak.over.wait(chance.uniform(0.0, 0.5))


def keep_restarting(soak: Soak, every_s: float) -> None:
    """Kill or end the daemon now and then, and start it again, until it is to be calm."""
    chance = random.Random(f"{soak.seed} restarts")
    while not soak.calm.wait(chance.uniform(0.5, 1.5) * every_s):
        how = chance.choice(("killed", "stopped"))
        soak.daemon.kill() if how == "killed" else soak.daemon.stop()
        soak.daemon.start()
        soak.counts[f"daemon {how}"] += 1


def run(
    root: Path, *, warm_up: int, jobs: int, slots: int, seed: str, restart_every_s: float
) -> tuple[Soak, Measured, Measured]:
    """Soak, and measure before and after. Everything it started has ended then."""
    processes.inherit_orphans()
    daemon = PrivateDaemon(root, CONFIG.format(slots=slots))
    soak = Soak(daemon, seed)
    try:
        daemon.start()
        follower = threading.Thread(target=soak.follow, daemon=True)
        follower.start()
        pour(soak, range(warm_up))
        settle(soak)
        before = measure(daemon)
        helpers = [
            threading.Thread(target=keep_restarting, args=(soak, restart_every_s), daemon=True),
            *(threading.Thread(target=read_slowly, args=(soak, f"reader {n}"), daemon=True) for n in range(4)),
        ]
        for helper in helpers:
            helper.start()
        pour(soak, range(warm_up, warm_up + jobs // 2))
        soak.calm.set()
        helpers[0].join(DEADLINE_S)
        pour(soak, range(warm_up + jobs // 2, warm_up + jobs))
        settle(soak)
        soak.over.set()
        for helper in (*helpers, follower):
            helper.join(DEADLINE_S)
        after = measure(daemon)
        daemon.stop()
    finally:
        soak.over.set()
        processes.end_all()
    return soak, before, after


def pour(soak: Soak, numbers: range) -> None:
    """Dispatch these jobs from a few clients, and wait until all have ended."""
    waiting = iter(numbers)

    def dispatch(name: str) -> None:
        chance = random.Random(f"{soak.seed} {name} {numbers.start}")
        while True:
            with soak.lock:
                number = next(waiting, None)
            if number is None:
                return
            while soak.under_way() > OUTSTANDING:
                time.sleep(0.01)
            soak.dispatch(number, chance)

    clients = [threading.Thread(target=dispatch, args=(f"client {n}",), daemon=True) for n in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    deadline = time.monotonic() + 2 * DEADLINE_S
    while soak.under_way() and time.monotonic() < deadline:
        time.sleep(0.02)
    if soak.under_way():
        soak.mistakes.append(f"{soak.under_way()} jobs have not ended")


def settle(soak: Soak) -> None:
    """Wait until nothing is left but the daemon, its fork server and the spare shim, and all ends are indexed."""
    process = soak.daemon.process
    assert process is not None
    deadline = time.monotonic() + DEADLINE_S
    while processes.left(process.pid) and time.monotonic() < deadline:
        processes.reap(process.pid)
        time.sleep(0.05)
    soak.mistakes += [f"left behind: {words}" for words in processes.left(process.pid)]
    while soak.ask(op="search", words="soak")["ok"].get("pending", 0) and time.monotonic() < deadline:
        time.sleep(0.05)


def measure(daemon: PrivateDaemon) -> Measured:
    """The figures of the daemon as they are now, with no client but this one."""
    deadline = time.monotonic() + DEADLINE_S
    with daemon.connect() as wire:
        while wire.ok(op="info")["connections"] > 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        info = wire.ok(op="info")
        status = _status(info["pid"])
        return Measured(
            memory=status["VmRSS"] * 1024,
            fork_server_memory=_status(info["fork_server_pid"])["VmRSS"] * 1024,
            files=len(list(Path(f"/proc/{info['pid']}/fd").iterdir())),
            threads=status["Threads"],
            processes=len(processes.below()),
        )


def _status(pid: int) -> dict[str, int]:
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def grown(before: Measured, after: Measured) -> list[str]:
    """What has grown by more than its tolerance."""
    allowed = Measured(MEMORY_TOLERANCE, MEMORY_TOLERANCE // 4, FILES_TOLERANCE, THREADS_TOLERANCE, 0)
    rows = zip(Measured._fields, before, after, allowed, strict=True)
    return [f"{name}: {old} before, {new} after" for name, old, new, more in rows if new > old + more]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--warm-up", type=int, default=200, metavar="JOBS", help="jobs before the first measurement")
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--restart-every", type=float, default=10.0, metavar="S")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        soak, before, after = run(
            Path(directory),
            warm_up=options.warm_up,
            jobs=options.jobs,
            slots=options.slots,
            seed=options.seed,
            restart_every_s=options.restart_every,
        )
    soak.mistakes += grown(before, after)
    for what, count in sorted(soak.counts.items()):
        print(f"{count:7} {what}")
    print(f"before: {before}\nafter:  {after}\n{time.monotonic() - began:.0f} s")
    for mistake in soak.mistakes[:50]:
        print(f"BROKEN {mistake}")
    print("everything is where it began" if not soak.mistakes else f"{len(soak.mistakes)} mistakes")
    return 1 if soak.mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
