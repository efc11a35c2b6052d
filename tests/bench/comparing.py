"""Measures luzia beside other dispatchers that are installed: the last part of `make bench`, or `make bench-rivals`.

A dispatcher that is not installed or cannot run here is left out. Each gets a temporary directory of its own; times
are taken in turns, in one run. `--write` puts the table into docs/comparison.md if all are there. There are no bounds:
where another one is better, the table says so.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from bench.measures import BARE_PYTHON, runner, switches  # noqa: E402
from bench.rivals import RIVALS, Dispatcher, Luzia, NotApplicable, is_alive  # noqa: E402
from support import eventually  # noqa: E402

PAGE = ROOT / "docs" / "comparison.md"
SLOTS = 8
ROUNDS = 40
LOOP = 200
QUEUE = 10_000
QUEUE_TIME_S = 30.0
SHORT_JOBS = 200
FIRST_ROUNDS = 20
KEPT = 20
SETTLE_S = 3.0
IDLE_S = 10.0

Rows = dict[str, list[str]]
Kinds = Sequence[type[Dispatcher]]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", action="store_true", help="put the table into docs/comparison.md")
    write = options.parse_args().write
    found = [kind for kind in RIVALS if kind.is_available()]
    if missing := [kind.name for kind in RIVALS if kind not in found]:
        print(f"not available here, so not compared with: {', '.join(missing)}")
    if not found:
        return 0
    load = os.getloadavg()[0]
    kinds: Kinds = [Luzia, *found]
    rows: Rows = {}
    for measure in (dispatching, queueing, first_instruction, short_jobs, idle, killed):
        print(f"{measure.__name__} ...", file=sys.stderr)
        rows |= measure(kinds)
    with _started(kinds, SLOTS) as rivals:
        head = ["", *(f"{rival.name} {rival.version()}" for rival in rivals)]
    lines = [head, ["---"] * len(head), *([what, *values] for what, values in rows.items())]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    print(table)
    if write and missing:
        print(f"{PAGE.name} is unchanged, because not every dispatcher is available")
    elif write:
        _write(table, load)
    return 0


@contextmanager
def _started(kinds: Kinds, slots: int) -> Iterator[list[Dispatcher]]:
    """One of each, started, in a directory of its own; nothing of it is left afterwards."""
    with ExitStack() as stack:
        rivals = []
        for kind in kinds:
            directory = tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True)
            rival = kind(Path(stack.enter_context(directory)))
            rival.start(slots)
            stack.callback(rival.stop)
            rivals.append(rival)
        yield rivals


def _cells(rivals: Sequence[Dispatcher], measure: Callable[[Dispatcher], str]) -> list[str]:
    """The result for each, or why there is none."""

    def cell(rival: Dispatcher) -> str:
        try:
            return measure(rival)
        except NotApplicable as reason:
            return str(reason)

    return [cell(rival) for rival in rivals]


def dispatching(kinds: Kinds) -> Rows:
    """How long the command takes that adds a job: on an idle machine, on a busy one, and in a loop of a shell."""
    with _started(kinds, 1) as rivals:
        for rival in rivals:
            rival.add("sleep 600")
        rows = {"one dispatch, whole process": _alternate(rivals)}
        with _every_core_busy():
            rows["one dispatch, two busy loops per core"] = _alternate(rivals)
        rows[f"{LOOP} dispatches in a shell loop"] = _cells(rivals, _loop)
    return rows


def _alternate(rivals: Sequence[Dispatcher]) -> list[str]:
    """Medians of the command that adds a job, absolute and relative to an interpreter that does nothing."""
    times: dict[str, list[float]] = {rival.name: [] for rival in rivals}
    bare_run = runner(BARE_PYTHON, dict(os.environ))
    bare = []

    def measure(rival: Dispatcher) -> str:
        times[rival.name].append(runner(rival.command("true"), rival.env, rival.cwd)())
        return ""

    for _ in range(ROUNDS + 1):  # the first is not counted
        bare.append(bare_run())
        _cells(rivals, measure)
    unit = statistics.median(bare[1:])

    def result(rival: Dispatcher) -> str:
        rival.command("true")
        time_s = statistics.median(times[rival.name][1:])
        return f"{time_s * 1000:.1f} ms, {time_s / unit:.2f} times"

    return _cells(rivals, result)


@contextmanager
def _every_core_busy() -> Iterator[None]:
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def _loop(rival: Dispatcher) -> str:
    """Dispatches per second of a shell that does nothing else."""
    command = shlex.join(rival.command("true"))
    script = f"i=0; while [ $i -lt {LOOP} ]; do {command}; i=$((i + 1)); done"
    return f"{LOOP / runner(['sh', '-c', script], rival.env, rival.cwd)():,.0f}/s"


def queueing(kinds: Kinds) -> Rows:
    """Many jobs in the quickest way that each offers, and what a long queue costs."""

    def fill(rival: Dispatcher) -> str:
        began = time.perf_counter()
        count = rival.add_many("true", min(QUEUE, rival.capacity or QUEUE), QUEUE_TIME_S)
        return f"{count:,} in {time.perf_counter() - began:.1f} s"

    with _started(kinds, 1) as rivals:
        for rival in rivals:
            rival.add("sleep 600")
        rows = {f"{QUEUE:,} jobs in bulk, at most {QUEUE_TIME_S:g} s": _cells(rivals, fill)}
        rows["one dispatch behind these jobs"] = _alternate(rivals)
        rows["memory with these jobs (PSS)"] = _cells(rivals, lambda rival: _memory(rival.queue_pids()))
    return rows


def first_instruction(kinds: Kinds) -> Rows:
    """From the start of the command that adds a job to the first thing that the job does."""
    with _started(kinds, SLOTS) as rivals:

        def delay(rival: Dispatcher) -> str:
            pipe = rival.cwd / "pipe"
            os.mkfifo(pipe)
            reading = os.open(pipe, os.O_RDWR)
            times = []
            for _ in range(FIRST_ROUNDS):
                command = rival.command(f"echo > {pipe}")
                began = time.perf_counter()
                runner(command, rival.env, rival.cwd)()
                os.read(reading, 1)
                times.append(time.perf_counter() - began)
            os.close(reading)
            return f"{statistics.median(times) * 1000:.0f} ms"

        return {"from the command to the job's first instruction": _cells(rivals, delay)}


def short_jobs(kinds: Kinds) -> Rows:
    """From the first of many short jobs to the end of the last."""
    with _started(kinds, SLOTS) as rivals:

        def rate(rival: Dispatcher) -> str:
            began = time.perf_counter()
            count = rival.add_many("true", SHORT_JOBS, QUEUE_TIME_S)
            rival.settle()
            return f"{count / (time.perf_counter() - began):,.0f} jobs/s"

        return {f"{SHORT_JOBS} times `true` with {SLOTS} slots": _cells(rivals, rate)}


def idle(kinds: Kinds) -> Rows:
    """What the daemon costs while it has nothing to do."""
    with _started(kinds, SLOTS) as rivals:
        for rival in rivals:
            rival.add("true")
            rival.settle()
        pids: dict[str, list[int]] = {}
        reasons = _cells(rivals, lambda rival: str(pids.setdefault(rival.name, rival.pids())))
        time.sleep(SETTLE_S)  # from here on, nothing connects to a daemon
        before = {name: sum(map(switches, of)) for name, of in pids.items()}
        time.sleep(IDLE_S)
        wakeups = {name: str(sum(map(switches, of)) - before[name]) for name, of in pids.items()}
        memory = {name: _memory(of) for name, of in pids.items()}
    rows = {f"wakeups of the idle daemon in {IDLE_S:g} s": wakeups, "memory of the idle daemon (PSS)": memory}
    names = [kind.name for kind in kinds]
    return {what: [*map(values.get, names, reasons)] for what, values in rows.items()}


def killed(kinds: Kinds) -> Rows:
    """What is left after kill -9 of the daemon, with one job running and others queued behind it."""
    after = "after `kill -9` of the daemon: "
    what = ("running job", "its exit status", f"queued jobs kept, of {KEPT}")
    with _started(kinds, 1) as rivals:
        cells = [(_cells([rival], _survivors)[0].split(", ") * 3)[:3] for rival in rivals]
    return {after + row: list(values) for row, values in zip(what, zip(*cells, strict=True), strict=True)}


def _survivors(rival: Dispatcher) -> str:
    number, marker = rival.cwd / "number", rival.cwd / "marker"
    job = f"echo $$ > {number}; sleep 3; touch {marker}; exit 7"
    rival.add(job)
    pid = int(eventually(lambda: number.exists() and number.read_text(), "the running job"))
    for index in range(KEPT):
        rival.run(*rival.command(f"echo {index}"))
    rival.kill()
    eventually(lambda: not is_alive(pid), "the end of the running job")
    rival.start(1)
    known = rival.known()
    kept = sum(f"echo {index}" in known for index in range(KEPT))
    return f"{'continues' if marker.exists() else 'ends'}, {'known' if known.get(job) == 7 else 'lost'}, {kept}"


def _memory(pids: list[int]) -> str:
    def size(pid: int) -> int:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024

    return f"{sum(map(size, pids)) / 1e6:.1f} MB"


def _write(table: str, load: float) -> None:
    """Put the table into the page, with the load average from before the measurements."""
    machine = f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    machine += f", load average {load:.1f} before"
    text = f"<!-- figures -->\n\nTaken by `make bench` in one run ({machine}):\n\n{table}\n\n<!-- /figures -->"
    new = re.sub(r"<!-- figures -->.*<!-- /figures -->", lambda _: text, PAGE.read_text(), flags=re.DOTALL)
    PAGE.write_text(new)


if __name__ == "__main__":
    sys.exit(main())
