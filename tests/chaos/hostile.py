"""Hostile clients and hostile jobs against one daemon, in random order, while an honest client goes on working.

    PYTHONPATH=tests python -m chaos.hostile --clients 60 --jobs 60 --seed 1

In the end every promise is checked: honest jobs ran once and as they were to, the daemon answered all the time, is the
same process, is not large, and leaves nothing behind. Exit code 1 when a promise was broken; the directory of the run
is kept then.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from chaos import hostile_clients, hostile_jobs
from support import DEADLINE_S, Connection, PrivateDaemon

CONFIG = """
[daemon]
max_running = 12
max_jobs = 1000000
grace_s = 0.3
"""
MAX_GROWTH_BYTES = 256 * 1024 * 1024
ANSWER_S = 10.0
"""A daemon that is deaf for this long has broken its promise, also on a busy machine."""
END_S = 90.0
"""A hostile job may take this long to end after it was cancelled."""
_BAD_WORDS = ("Traceback", "request_failed", "never retrieved", "survivors_not_killed", "job_not_shown")

Attack = Callable[["Run"], None]


class Run:
    """What the threads of a run share.

    honest: the exit code of each job of the honest client. hostile: the other jobs, of which so many were cancelled.
    """

    def __init__(self, daemon: PrivateDaemon, seed: str) -> None:
        self.daemon = daemon
        self.chance = random.Random(seed)
        self.stop = threading.Event()
        self.honest: dict[str, int] = {}
        self.hostile: list[str] = []
        self.cancelled = 0
        self.counts: Counter[str] = Counter()
        self.mistakes: list[str] = []
        self.slowest_s = 0.0
        self.largest_bytes = 0

    def look(self, wire: Connection) -> None:
        """Ask as an honest client does, and note how long that took."""
        began = time.monotonic()
        info = wire.ok(op="info")
        wire.ok(op="list", limit=20)
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        self.largest_bytes = max(self.largest_bytes, info["rss_bytes"])


def work(run: Run) -> None:
    """The honest client: small jobs of which each leaves a trace, and looks in between."""
    try:
        with run.daemon.connect() as wire:
            for number in range(1_000_000):
                if run.stop.is_set():
                    return
                code = number % 5
                task = f"echo $LUZIA_ATTEMPT >> {run.daemon.root}/runs/$LUZIA_JOB_ID; exit {code}"
                answer = wire.ask(op="dispatch", project="overbits", task=task, key=f"honest-{number}", priority=10)
                if "ok" in answer:
                    run.honest[answer["ok"]["job"]] = code
                elif answer["error"]["code"] not in ("overloaded", "queue_full"):
                    run.mistakes.append(f"an honest dispatch was refused: {answer}")
                run.look(wire)
                time.sleep(0.1)
    except Exception:
        run.mistakes.append(f"the honest client failed: {traceback.format_exc()}")


def attack(run: Run, attacks: Mapping[str, Attack], seconds: float) -> None:
    """Attack in random order, each kind once before one comes again, until the time is over and all had their turn."""
    deadline, waiting = time.monotonic() + seconds, list[str]()
    first = True
    while waiting or first or time.monotonic() < deadline:
        if not waiting:
            waiting = run.chance.sample(sorted(attacks), len(attacks))
            if not first and time.monotonic() >= deadline:
                return
            first = False
        name = waiting.pop()
        run.counts[name] += 1
        try:
            with suppress(BrokenPipeError, ConnectionResetError, EOFError):  # a daemon may close such a connection
                attacks[name](run)
            _end_jobs(run)
        except Exception:
            run.mistakes.append(f"{name}: {traceback.format_exc()}")


def _end_jobs(run: Run) -> None:
    """Cancel what the attack has dispatched, so that the next one finds room. Whether it ends is checked in the end."""
    with run.daemon.connect() as wire:
        for job in run.hostile[run.cancelled :]:
            wire.ask(op="cancel", job=job)
    run.cancelled = len(run.hostile)


def check(run: Run, pid: int, idle_bytes: int) -> None:
    """What must hold after the attacks."""
    with run.daemon.connect() as wire:
        if wire.ok(op="info")["pid"] != pid:
            run.mistakes.append("the daemon is another process")
        jobs = [*run.honest, *run.hostile]
        for begin in range(0, len(jobs), 1000):
            wire.ok(op="wait", jobs=jobs[begin : begin + 1000], timeout_s=END_S)
        for job, code in run.honest.items():
            _check_honest(run, wire.ok(op="status", job=job)["job"], code)
        for job in run.hostile:
            ended = wire.ask(op="status", job=job)
            if "ok" in ended and ended["ok"]["job"]["ended_at"] is None:
                run.mistakes.append(f"hostile job {job} does not end: {ended['ok']['job']['state']}")
        _check_lists(run, wire)
    for command in (["jobs", "--all"], ["export"], ["stats"]):
        done = run.daemon.run(*command)
        if done.returncode != 0 or "Traceback" in done.stderr:
            run.mistakes.append(f"luzia {' '.join(command)}: {done.returncode} {done.stderr[-500:]}")
    if run.slowest_s > ANSWER_S:
        run.mistakes.append(f"the daemon was deaf for {run.slowest_s:.1f} s")
    if run.largest_bytes - idle_bytes > MAX_GROWTH_BYTES:
        run.mistakes.append(f"the daemon has grown by {(run.largest_bytes - idle_bytes) >> 20} MiB")
    if left := eventually_none(lambda: _processes(run.daemon)):
        run.mistakes.append(f"processes are left: {left}")
    log = run.daemon.log.read_text(errors="replace")
    run.mistakes += [f"the log has: {line}" for line in log.splitlines() if any(word in line for word in _BAD_WORDS)]


def _check_honest(run: Run, job: dict[str, Any], code: int) -> None:
    found = (job["state"], job["exit_code"])
    if found != ("completed" if code == 0 else "failed", code):
        run.mistakes.append(f"honest job {job['id']} was to exit with {code}: {found} {job['reason']}")
    runs = run.daemon.root / "runs" / job["id"]
    if not runs.exists() or len(runs.read_text().splitlines()) != 1:
        run.mistakes.append(f"honest job {job['id']} did not run once")


def _check_lists(run: Run, wire: Connection) -> None:
    """Every job is listed, whatever was accepted."""
    cursor, listed = None, set[str]()
    while True:
        page = wire.ok(op="list", limit=1000, **({} if cursor is None else {"cursor": cursor}))
        listed |= {job["id"] for job in page["jobs"]}
        cursor = page["next"]
        if cursor is None:
            break
    if missing := set(run.honest) - listed:
        run.mistakes.append(f"honest jobs are missing from lists: {missing}")


def eventually_none(find: Callable[[], list[str]]) -> list[str]:
    """What is found, after it had time to go."""
    deadline = time.monotonic() + DEADLINE_S
    while (found := find()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _processes(daemon: PrivateDaemon) -> list[str]:
    """The command lines of living processes of jobs."""
    mark, found = f"LUZIA_SOCKET={daemon.socket}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200])
    return found


def hostile(root: Path, *, clients_s: float, jobs_s: float, seed: str, kinds: int | None) -> Run:
    """Run it in this directory; everything it started has ended then. kinds: how many of each mode; None for all."""
    daemon = PrivateDaemon(root, CONFIG)
    (root / "runs").mkdir()
    run = Run(daemon, seed)
    try:
        daemon.start()
        with daemon.connect() as wire:
            info = wire.ok(op="info")
        worker = threading.Thread(target=work, args=(run,))
        worker.start()
        for attacks, seconds in ((hostile_clients.ATTACKS, clients_s), (hostile_jobs.ATTACKS, jobs_s)):
            chosen = run.chance.sample(sorted(attacks), len(attacks) if kinds is None else kinds)
            attack(run, {name: attacks[name] for name in chosen}, seconds)
        run.stop.set()
        worker.join(DEADLINE_S)
        if worker.is_alive():
            run.mistakes.append(f"the honest client got no answer for {DEADLINE_S:g} s")
        check(run, info["pid"], info["rss_bytes"])
        daemon.stop()
        daemon.start()
        with daemon.connect() as wire:
            _check_lists(run, wire)
    except Exception:
        run.mistakes.append(traceback.format_exc())
    finally:
        run.stop.set()
        daemon.end_everything()
    run.counts["honest jobs"] = len(run.honest)
    run.counts["slowest answer to the honest client, ms"] = int(run.slowest_s * 1000)
    run.counts["largest size, MiB"] = run.largest_bytes >> 20
    return run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=float, default=60.0, help="seconds of hostile clients (60)")
    parser.add_argument("--jobs", type=float, default=60.0, help="seconds of hostile jobs (60)")
    parser.add_argument("--seed", default=str(random.randrange(1_000_000)), help="decides the order (random)")
    parser.add_argument("--kinds", type=int, help="attacks of so many kinds of each, chosen by the seed (all)")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    root = Path(tempfile.mkdtemp(prefix="lz-"))
    run = hostile(root, clients_s=options.clients, jobs_s=options.jobs, seed=options.seed, kinds=options.kinds)
    for what, count in sorted(run.counts.items()):
        print(f"{count:7} {what}")
    for mistake in run.mistakes[:100]:
        print(f"BROKEN {mistake}")
    print(f"{len(run.mistakes)} promises broken" if run.mistakes else "every promise held")
    if run.mistakes:
        print(f"the run's directory is kept: {root}")
        return 1
    shutil.rmtree(root, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
