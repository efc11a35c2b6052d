"""A chaos run: jobs are dispatched while everything is killed, and in the end every promise is checked.

    PYTHONPATH=tests python -m chaos.run --kills 300 --seconds 300 --seed 1

It ends after so many kills or so many seconds, whichever comes first, and exits with 1 when a promise was broken;
the directory of the run is kept then. The seed decides what is done; the machine decides when.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from chaos import clients, processes, promises, work
from chaos.killing import Killer
from support import DEADLINE_S, PrivateDaemon

CONFIG = """
[daemon]
max_running = 8
max_jobs = 1000000
grace_s = 0.3
snapshot_interval_s = 0.5
"""
SETTLE_S = 90.0


def chaos(root: Path, *, kills: int, seconds: float, seed: str, with_faults: bool) -> clients.Run:
    """Run it in this directory and return what was found. Everything it started has ended then."""
    processes.inherit_orphans()
    plan = root / "plan.json"
    daemon = PrivateDaemon(root, CONFIG, {"CHAOS_PLAN": str(plan), "CHAOS_MIXED": "1"})
    (root / "runs").mkdir()
    (root / "agent.sh").write_text(work.SCRIPT)
    run = clients.Run(daemon, seed)
    killer = Killer(run, plan, with_faults=with_faults)
    try:
        killer.start()
        _harass(run, killer, kills, seconds)
        _settle(run, killer)
        promises.check_jobs(run)
        promises.check_history(run)
        promises.check_processes(run, killer.pid)
        daemon.stop()
        promises.check_processes(run, 0)
        promises.check_log(run)
    except Exception:
        run.mistake(traceback.format_exc())
    finally:
        run.stop.set()
        processes.end_all()
    run.count("kills altogether", killer.kills + run.counts["kills: client in mid-request"])
    run.count("jobs acknowledged", len(run.ids))
    run.count("slowest refusal without storage, ms", int(killer.slowest_refusal_s * 1000))
    return run


def _harass(run: clients.Run, killer: Killer, kills: int, seconds: float) -> None:
    threads = clients.start(run, 3)
    chance = run.chance("pauses")
    deadline = time.monotonic() + seconds
    while killer.kills + run.counts["kills: client in mid-request"] < kills and time.monotonic() < deadline:
        time.sleep(chance.uniform(0.0, 0.3))
        killer.do_something()
    run.stop.set()
    for thread in threads[:-1]:
        thread.join(DEADLINE_S)
        if thread.is_alive():
            run.mistake(f"{thread.name} got no answer for {DEADLINE_S:g} s")
    killer.keep_alive()
    clients.cancel_again(run)
    _wait(run, killer, lambda: set(run.ids.values()) <= run.ended)
    threads[-1].join(DEADLINE_S)


def _wait(run: clients.Run, killer: Killer, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SETTLE_S
    while not condition() and time.monotonic() < deadline:
        killer.keep_alive()
        processes.reap(killer.pid)
        time.sleep(0.05)


def _settle(run: clients.Run, killer: Killer) -> None:
    """Wait for the last shims, which end a moment after their jobs."""
    _wait(run, killer, lambda: not processes.left(killer.pid))


def report(run: clients.Run) -> None:
    """Print what happened and what was broken."""
    for what, count in sorted(run.counts.items()):
        print(f"{count:7} {what}")
    for mistake in run.mistakes[:100]:
        print(f"BROKEN {mistake}")
    print(f"{len(run.mistakes)} promises broken" if run.mistakes else "every promise held")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000, help="end after so many kills (1000)")
    parser.add_argument("--seconds", type=float, default=300.0, help="end after so many seconds (300)")
    parser.add_argument("--seed", default=str(random.randrange(1_000_000)), help="decides what is done (random)")
    parser.add_argument("--without-faults", action="store_true", help="kill only: no fault points, no broken storage")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is ended
    root = Path(tempfile.mkdtemp(prefix="lz-"))
    run = chaos(
        root,
        kills=options.kills,
        seconds=options.seconds,
        seed=options.seed,
        with_faults=not options.without_faults,
    )
    report(run)
    if run.mistakes:
        print(f"the run's directory is kept: {root}")
        return 1
    shutil.rmtree(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
