"""Measures luzia beside other dispatchers that are installed: the last part of `make bench`, or `make bench-rivals`.

pueue (`pueue`, `pueued`) and task-spooler (`tsp`) are taken from the PATH; what is not there is left out. Each gets a
temporary directory of its own and eight slots; times are taken in turns. `--write` puts the table into
docs/comparison.md when all are there. There are no bounds: where another one is better, the table says so.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from bench.measures import BARE_PYTHON, runner, switches  # noqa: E402
from bench.rivals import Dispatcher, Luzia, Pueue, TaskSpooler  # noqa: E402
from support import eventually  # noqa: E402

PAGE = ROOT / "docs" / "comparison.md"
SLOTS = 8
ROUNDS = 40
SHORT_JOBS = 200
LONG_QUEUE = 500
QUEUED = 20
IDLE_S = 10.0

Rows = dict[str, list[str]]
Kinds = list[Callable[[Path], Dispatcher]]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", action="store_true", help="put the table into docs/comparison.md")
    write = options.parse_args().write
    missing = [
        name for program, name in (("pueued", "pueue"), ("tsp", "task-spooler")) if shutil.which(program) is None
    ]
    if missing:
        print(f"not on the PATH, so not compared with: {', '.join(missing)}")
    kinds: Kinds = [Luzia]
    kinds += [Pueue] if "pueue" not in missing else []
    kinds += [TaskSpooler] if "task-spooler" not in missing else []
    if len(kinds) == 1:
        return 0
    rows: dict[str, list[str]] = {}
    for measure in (adding, short_jobs, idle, killed):
        rows |= measure(kinds)
    with _each(kinds, SLOTS) as those:
        versions = [f"{one.name} {one.version()}" for one in those]
    lines = [["", *versions], ["---"] * (len(kinds) + 1), *([what, *values] for what, values in rows.items())]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    print(table)
    if write and not missing:
        _write(table)
    return 0


@contextmanager
def _each(kinds: Kinds, slots: int) -> Iterator[list[Dispatcher]]:
    """One of each, started, in a directory of its own; nothing of it is left afterwards."""
    with ExitStack() as stack:
        those = []
        for kind in kinds:
            directory = tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True)
            one = kind(Path(stack.enter_context(directory)))
            one.start(slots)
            stack.callback(one.stop)
            those.append(one)
        yield those


def adding(kinds: Kinds) -> Rows:
    """How long the command takes that hands over a job: first with nothing queued, then behind a long queue."""
    rows = {}
    for queued in (0, LONG_QUEUE):
        with _each(kinds, 1) as those:
            for one in those:
                one.add("sleep 600")
                if queued:
                    one.add_many("true", queued)
            runs = [runner(BARE_PYTHON, dict(os.environ))] + [
                runner(one.command("true"), one.env, one.cwd) for one in those
            ]
            for run in runs:
                run()
            rounds = [[run() for run in runs] for _ in range(ROUNDS)]
        bare, *theirs = (statistics.median(times) for times in zip(*rounds, strict=True))
        behind = f"behind {queued:,} queued jobs" if queued else "with an empty queue"
        rows[f"dispatch {behind}, whole process"] = [
            f"{time_s * 1000:.1f} ms, {time_s / bare:.2f} times" for time_s in theirs
        ]
    return rows


def short_jobs(kinds: Kinds) -> Rows:
    """From the first of many short jobs to the end of the last, handed over in the quickest way that each offers."""
    rates = []
    with _each(kinds, SLOTS) as those:
        for one in those:
            began = time.perf_counter()
            one.add_many("true", SHORT_JOBS)
            one.settled()
            rates.append(f"{SHORT_JOBS / (time.perf_counter() - began):,.0f} jobs/s")
    return {f"{SHORT_JOBS} times `true` with {SLOTS} slots": rates}


def idle(kinds: Kinds) -> Rows:
    """What the daemon costs while it has nothing to do."""
    with _each(kinds, SLOTS) as those:
        for one in those:
            one.add("true")
            one.settled()
        time.sleep(3.0)
        memory = [sum(_memory_bytes(pid) for pid in one.pids()) for one in those]
        pids = [one.pids() for one in those]
        before = [sum(map(switches, of)) for of in pids]
        time.sleep(IDLE_S)
        after = [sum(map(switches, of)) for of in pids]
    return {
        f"wakeups of the idle daemon in {IDLE_S:g} s": [str(b - a) for a, b in zip(before, after, strict=True)],
        "memory of the idle daemon (PSS)": [f"{size / 1e6:.1f} MB" for size in memory],
    }


def killed(kinds: Kinds) -> Rows:
    """What is left after kill -9 of the daemon, with one job running and others queued behind it."""
    went_on, told, kept = [], [], []
    with _each(kinds, 1) as those:
        for one in those:
            marker = one.cwd / "marker"
            job = f"sleep 3; touch {marker}; exit 7"
            one.add(job)
            eventually(lambda marker=marker: _runs(marker), "the running job")  # type: ignore[misc]
            for number in range(QUEUED):
                one.add(f"echo {number}")
            one.kill()
            eventually(lambda marker=marker: not _runs(marker), "the end of what ran")  # type: ignore[misc]
            went_on.append("continues" if marker.exists() else "ends")
            one.start(1)
            known = one.known()
            told.append("known" if known.get(job) == 7 else "lost")
            kept.append(str(sum(f"echo {number}" in known for number in range(QUEUED))))
    return {
        "after `kill -9` of the daemon: running job": went_on,
        "after `kill -9` of the daemon: its exit status": told,
        f"after `kill -9` of the daemon: queued jobs kept, of {QUEUED}": kept,
    }


def _runs(marker: Path) -> bool:
    """Whether a shell runs that will make the marker."""
    wanted = f"touch {marker};".encode()
    return any(wanted in command and command.startswith((b"sh", b"/bin/sh")) for command in _command_lines())


def _command_lines() -> Iterator[bytes]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield (process / "cmdline").read_bytes()


def _memory_bytes(pid: int) -> int:
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def _write(table: str) -> None:
    machine = f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    text = f"<!-- figures -->\n\nTaken by `make bench` in one run ({machine}):\n\n{table}\n\n<!-- /figures -->"
    new = re.sub(r"<!-- figures -->.*<!-- /figures -->", lambda _: text, PAGE.read_text(), flags=re.DOTALL)
    PAGE.write_text(new)


if __name__ == "__main__":
    sys.exit(main())
