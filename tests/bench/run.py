"""Measures what the README claims, on this machine and in one run: `make bench`.

Every figure is taken against a private daemon in a temporary directory. Comparisons are ratios of medians of runs
that alternate, so that a busy machine slows both sides. `--write` puts the table into README.md. Exit code 1 when
a bound is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from bench import (  # noqa: E402
    decisions,
    durable,
    floods,
    fulltext,
    fulltext_socket,
    graphs,
    memory,
    notices,
    scraping,
    searching,
    selections,
    simulate,
    trees,
    turns,
)
from bench.measures import BARE_PYTHON, dispatch_pipelined, runner, switches  # noqa: E402
from luzia_client import AsyncClient  # noqa: E402
from support import Connection, PrivateDaemon, private_daemon  # noqa: E402

MANY = 100_000
ROUNDS = 40
LUZIA = str(Path(sys.executable).with_name("luzia"))


class Figure(NamedTuple):
    """One row of the table: what, how it was taken, the value, and the bound it must keep."""

    what: str
    how: str
    value: float
    unit: str
    bound: float | None = None
    at_least: bool = False

    @property
    def kept(self) -> bool:
        if self.bound is None:
            return True
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def row(self) -> str:
        bound = "" if self.bound is None else f"{'≥' if self.at_least else '≤'} {self.bound:,g} {self.unit}".rstrip()
        return f"| {self.what} | {_number(self.value)} {self.unit} | {bound} | {self.how} |".replace("  ", " ")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", action="store_true", help="put the table into README.md")
    write = options.parse_args().write
    figures: list[Figure] = []
    measures = (
        first_instruction,
        five_at_once,
        whole_process,
        looking,
        idle,
        process_trees,
        many_jobs,
        beside_the_least,
        flooded,
        kept,
        busy_loop,
        large_graph,
        told,
        search,
        search_texts,
        search_at_the_socket,
        many_at_once,
        deciding,
    )
    for measure in measures:
        for figure in measure():
            figures.append(figure)
            print(("  " if figure.kept else "! ") + figure.row(), flush=True)
    if write:
        _write_readme(figures)
    return 0 if all(figure.kept for figure in figures) else 1


def whole_process() -> list[Figure]:
    """`luzia . true` as a user runs it, against an interpreter that does nothing."""
    with private_daemon() as daemon:
        dispatch = _dispatcher(daemon)
        ours, bare = _alternate(dispatch, runner(BARE_PYTHON, daemon.env))
        figures = [
            Figure(
                "`luzia . true`, whole process, relative to bare Python",
                f"ratio to `python -I -S -c pass`, {ROUNDS} runs each",
                ours / bare,
                "times",
                5.0,
            ),
            Figure("`luzia . true`, whole process", "median", ours * 1000, "ms"),
        ]
        spooler = shutil.which("tsp")
        if spooler is not None:
            environment = {**daemon.env, "TS_SOCKET": str(daemon.root / "tsp")}
            ours, theirs = _alternate(dispatch, runner([spooler, "true"], environment))
            subprocess.run([spooler, "-K"], env=environment, check=False)
            figures.append(
                Figure(
                    "`luzia . true` relative to task-spooler's `tsp true`", "ratio of medians", ours / theirs, "times"
                )
            )
        return figures


def looking() -> list[Figure]:
    """What somebody at a terminal waits for, each a whole process against an interpreter that does nothing."""
    commands = {
        "`luzia jobs`, 1,000 jobs": (["jobs"], 2.5),
        "`luzia jobs ID`": (["jobs", "@last"], 2.5),
        "`luzia --help`": (["--help"], 2.0),
        "tab completion for `luzia cancel`, 1,000 jobs": (["--complete", "bash", "cancel", ""], 2.5),
    }
    figures = []
    with private_daemon("[daemon]\nmax_running = 1\n") as daemon, daemon.connect() as wire:
        dispatch_pipelined(wire, 1000, b'"task":"sleep 100000"')
        for what, (words, most) in commands.items():
            ours, bare = _alternate(runner([LUZIA, *words], daemon.env), runner(BARE_PYTHON, daemon.env))
            how = f"whole process, ratio to `python -I -S -c pass`, {ROUNDS} runs each"
            figures.append(Figure(what, how, ours / bare, "times", most))
    return figures


def first_instruction() -> list[Figure]:
    """From the request to what the agent does first, and whole short jobs."""
    with private_daemon("[daemon]\nmax_running = 8\n") as daemon, daemon.connect() as wire:
        delays = []
        for _ in range(100):
            began = time.time()
            job = wire.ok(op="dispatch", project="overbits", argv=["/bin/date", "+%s.%N"])["job"]
            wire.ok(op="wait", jobs=[job])
            delays.append(float(wire.ok(op="logs", job=job)["data"]) - began)
        rates = [_short_commands(wire, 400) for _ in range(3)]
    return [
        Figure(
            "from dispatch to the agent's first instruction",
            "median of 100 jobs that run `date`, idle daemon",
            statistics.median(delays) * 1000,
            "ms",
            10.0,
        ),
        Figure(
            "throughput of short jobs",
            "`true`, 8 slots, median of three runs of 400 jobs",
            statistics.median(rates),
            "jobs/s",
            150,
            True,
        ),
    ]


def five_at_once() -> list[Figure]:
    """Five dispatches at the same time through the Python API, as `luzia demo` shows them."""

    async def together(daemon: PrivateDaemon) -> list[float]:
        times = []
        async with AsyncClient(daemon.socket, autostart=False) as client:
            await client.get_info()
            for _ in range(ROUNDS):
                began = time.perf_counter()
                answers = await asyncio.gather(*(client.dispatch("overbits", "true") for _ in range(5)))
                times.append(time.perf_counter() - began)
                await client.wait([answer.job for answer in answers])
        return times

    with private_daemon() as daemon:
        elapsed_s = statistics.median(asyncio.run(together(daemon)))
    how = f"`asyncio.gather`, median of {ROUNDS} runs, all five jobs on disk"
    return [Figure("five dispatches at once through the Python API", how, elapsed_s * 1000, "ms", 50.0)]


def _short_commands(wire: Connection, count: int) -> float:
    """Jobs a second, from the first dispatch to the last end."""
    began = time.perf_counter()
    wire.ok(op="wait", jobs=dispatch_pipelined(wire, count, b'"argv":["/bin/true"]'))
    return count / (time.perf_counter() - began)


def idle() -> list[Figure]:
    """Wakeups of every thread of the daemon and of the fork server while nothing happens."""
    with private_daemon() as daemon, daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", task="true")["job"]
        wire.ok(op="wait", jobs=[job])
        info = wire.ok(op="info")
        time.sleep(2.0)  # what the job left to do (its status file) is done by then
        before = switches(info["pid"]) + switches(info["fork_server_pid"])
        time.sleep(10.0)
        after = switches(info["pid"]) + switches(info["fork_server_pid"])
    return [Figure("wakeups of an idle daemon", "context switches of all its threads in 10 s", after - before, "", 0)]


def process_trees() -> list[Figure]:
    """What ending many large trees at once costs other clients."""
    ended = trees.end_trees()
    size = f"ratio to the value before; {trees.TREES} trees of {trees.PROCESSES} orphans that ignore SIGTERM"
    return [
        Figure(
            "`status`, p99, while process trees are terminated", size, ended.during_s / ended.before_s, "times", 5.0
        ),
        Figure("processes left over from these trees", "after the grace period", ended.left, "", 0),
    ]


def many_jobs() -> list[Figure]:
    """Everything that must not grow with the queue."""
    with private_daemon("[daemon]\nmax_running = 1\n") as daemon:
        with daemon.connect() as wire:
            blocker = wire.ok(op="dispatch", project="overbits", task="sleep 100000")["job"]
            dispatch = _dispatcher(daemon)
            few, bare_few = _alternate(dispatch, runner(BARE_PYTHON, daemon.env))
            empty = wire.ok(op="info")["rss_bytes"]
            began = time.perf_counter()
            jobs = dispatch_pipelined(wire, MANY, b'"task":"fix the login button"')
            rate = MANY / (time.perf_counter() - began)
            grown = wire.ok(op="info")["rss_bytes"] - empty
            status_s = _on_one_core(daemon, lambda: _status_round_trip(wire, jobs))
        much, bare_much = _alternate(dispatch, runner(BARE_PYTHON, daemon.env))
        daemon.stop()
        began = time.perf_counter()
        daemon.start()
        with daemon.connect() as wire:
            assert sum(wire.ok(op="info")["counts"].values()) >= MANY
            restart_s = time.perf_counter() - began
            scrape_s = scraping.measure(daemon)
            wire.ok(op="cancel", job=blocker)
    return [
        Figure(
            "`luzia . true`, 100,000 queued jobs",
            "ratio to an empty queue, each relative to bare Python",
            (much / bare_much) / (few / bare_few),
            "times",
            1.2,
        ),
        Figure("durable dispatches", "one pipelined connection, synchronous=FULL", rate, "jobs/s", 20_000, True),
        Figure("`status` round trip, 100,000 jobs", "median of 5,000, one core", status_s * 1e6, "µs", 100),
        Figure("memory of a queued job", "growth of the resident set over 100,000 jobs", grown / MANY, "bytes", 2048),
        Figure("restart with 100,000 jobs", "from exec to the first reply", restart_s, "s", 2.0),
        Figure("a scrape of `luzia metrics`, 100,000 jobs", f"median of {scraping.SCRAPES}", scrape_s * 1e3, "ms", 20),
    ]


def beside_the_least() -> list[Figure]:
    """What the daemon does for a dispatch besides committing it."""
    found = durable.measure()
    what = "durable dispatches relative to a minimal server"
    how = "one that only decodes, commits in groups and replies; median of rounds in turn"
    return [
        Figure(what, how, found.ours_per_s / found.least_per_s, "times"),
        Figure("processor time of a durable dispatch", "all threads of the daemon", found.ours_us, "µs"),
    ]


def told() -> list[Figure]:
    """What `luzia notify` costs, and how soon it tells."""
    found = notices.measure()
    return [
        Figure("a failed job to its mail, by `luzia notify`", f"median of {notices.MAILS}", found.delay_s, "s", 1.0),
        Figure("memory of `luzia notify`", "resident set", found.rss_bytes / 2**20, "MiB", 60),
        Figure("wakeups of `luzia notify`", f"in {notices.IDLE_S:g} s without an event", found.wakeups, "", 0),
    ]


def flooded() -> list[Figure]:
    """What a client that asks for little waits for while others flood the daemon."""
    figures = []
    for count in (1000, MANY):
        with private_daemon("[daemon]\nmax_running = 1\n") as daemon, daemon.connect() as wire:
            first = wire.ok(op="dispatch", project="overbits", task="seq 1 450000; sleep 100000")["job"]
            measured = floods.measure(daemon, wire, [first, *dispatch_pipelined(wire, count, b'"task":"true"')])
            wire.ok(op="cancel", job=first)
        for name, during_s in measured.during_s.items():
            what = f"`status`, p99, {count:,} jobs, with {name}"
            figures.append(Figure(what, "one other client, 50 requests a second", during_s * 1000, "ms", 250))
            figures.append(Figure(f"{what}: ratio to idle", "same run", during_s / measured.idle_s, "times", 20))
        grown = measured.grown / 2**20
        figures.append(Figure(f"memory under all floods, {count:,} jobs", "above that before", grown, "MiB", 256))
    return figures


def kept() -> list[Figure]:
    """What the daemon keeps in memory for clients that make it keep as much as they can."""
    grown = memory.measure()
    how = "250 unread outputs, 512 waits for 10,000 jobs, 250 incomplete requests of 4 MiB, 400 tasks of 1 MiB"
    return [
        Figure("memory above idle under all attacks on it", f"{how}, at once", grown.most / 2**20, "MiB", 256),
        Figure("memory above idle with 400 queued tasks of 1 MiB", "after the others", grown.queued / 2**20, "MiB"),
    ]


def busy_loop() -> list[Figure]:
    """How long the loop is busy with one thing, and serves nobody."""
    longest = turns.measure(MANY)
    worst = max(longest, key=lambda name: longest[name].seconds)
    how = f"processor time of one callback, {MANY:,} jobs; the most during {worst}"
    return [Figure("longest turn of the event loop", how, longest[worst].seconds * 1000, "ms", 100)]


def large_graph() -> list[Figure]:
    """What one request with many jobs costs."""
    taken = graphs.take_in()
    how = f"each job depends on two others; median of {graphs.ROUNDS}"
    return [
        Figure(f"a graph of {graphs.JOBS:,} jobs in one request", how, taken.answered_s, "s", 1.5),
        Figure("longest wait of another client during the request", "same runs", taken.others_s, "s"),
    ]


def search() -> list[Figure]:
    """What finding jobs by words costs."""
    found = searching.search()
    how = f"`list` with `search`, {searching.MANY:,} queued jobs; median of {searching.ROUNDS}"
    return [
        Figure("a search for words of one job", how, found.rare_ms, "ms", 20),
        Figure("a search for words of all jobs", how, found.common_ms, "ms", 20),
        Figure("a search for words of no job", how, found.none_ms, "ms", 20),
        Figure("the first search", f"after a start; median of {searching.STARTS}", found.first_ms, "ms", 20),
    ]


def search_texts() -> list[Figure]:
    """What finding jobs by their transcripts costs."""
    found = fulltext.measure()
    how = f"{found.attempts:,} transcripts of 1 MB, 20 jobs with excerpts; median of {fulltext.ROUNDS}"
    return [
        Figure("a search in transcripts for a word of one job", how, found.rare_ms, "ms", 100),
        Figure("a search in transcripts for a word of all jobs", how, found.common_ms, "ms", 1000),
        Figure("a search in transcripts for a prefix", how, found.prefix_ms, "ms", 1000),
        Figure("indexing an ended attempt", "1 MB of output; processor time, mean", found.index_ms, "ms", 100),
        Figure("size of the index", "of the size of the output", found.part * 100, "%", 40),
    ]


def search_at_the_socket() -> list[Figure]:
    """What a search takes of jobs that have run, from the request to the reply."""
    found = fulltext_socket.measure()
    how = f"{found.jobs:,} jobs with {found.log_gb * 1000:.0f} MB of logs"
    longest = max(found.longest_ms.values())
    return [
        Figure("the first search in transcripts after a start", how, found.first_ms, "ms", 1000),
        Figure("the longest of the searches after it", f"{how}; words, a phrase and a prefix", longest, "ms", 1000),
    ]


def many_at_once() -> list[Figure]:
    """What one command for many jobs costs."""
    changed = selections.change()
    how = f"whole command, {selections.JOBS:,} queued jobs"
    return [
        Figure(f"`luzia cancel --all` of {selections.JOBS:,} jobs", how, changed.cancel_s, "s", 1),
        Figure(f"`luzia retry --all` of {selections.JOBS:,} jobs", how, changed.retry_s, "s", 1),
        Figure(f"`luzia remove --all` of {selections.JOBS:,} jobs", how, changed.remove_s, "s", 1),
        Figure(f"`luzia hold --all` of {selections.JOBS:,} jobs", how, changed.hold_s, "s", 1),
        Figure(f"`luzia release --all` of {selections.JOBS:,} jobs", how, changed.release_s, "s", 1),
        Figure(f"`luzia batch --each` of {selections.JOBS:,} jobs", how, changed.batch_s, "s", 1),
    ]


def deciding() -> list[Figure]:
    """What comes next, decided by the daemon's own classes without a daemon."""
    _, _, times = decisions.ratio()
    report = simulate.Month(1_000_000, seed=1).run()
    return [
        Figure(
            "from the end of a job to the next start; 100,000 jobs of 200 projects, half with dependencies",
            "ratio to 100 jobs, medians",
            times,
            "times",
            1.5,
        ),
        Figure(
            "simulation of a month with 1,000,000 jobs",
            f"CPU time; every guarantee checked; at most {report.waiting:,} jobs waiting",
            report.seconds,
            "s",
            180,
        ),
    ]


def _dispatcher(daemon: PrivateDaemon) -> Callable[[], float]:
    """Runs `luzia . true` in the project's directory, and says how long it took."""
    return runner([LUZIA, "--agent", "shell", ".", "true"], daemon.env, cwd=daemon.project)


def _alternate(first: Callable[[], float], second: Callable[[], float]) -> tuple[float, float]:
    """Medians of ROUNDS runs of each, in turns."""
    first(), second()
    pairs = [(first(), second()) for _ in range(ROUNDS)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def _status_round_trip(wire: Connection, jobs: list[str]) -> float:
    times = []
    for number in range(5000):
        request = b'{"op":"status","job":"%b"}\n' % jobs[number * 7 % len(jobs)].encode()
        began = time.perf_counter()
        wire.socket.sendall(request)
        data = wire.socket.recv(65536)
        times.append(time.perf_counter() - began)
        assert data.endswith(b"\n")
    return statistics.median(times)


def _on_one_core(daemon: PrivateDaemon, measure: Callable[[], float]) -> float:
    """Measure with the daemon and this process on one core: waking an idle core of a virtual machine takes longer
    than the whole round trip, and says nothing about luzia."""
    assert daemon.process is not None
    threads = [0, *(int(thread.name) for thread in Path(f"/proc/{daemon.process.pid}/task").iterdir())]
    cores = os.sched_getaffinity(0)
    try:
        for thread in threads:
            os.sched_setaffinity(thread, {min(cores)})
        return measure()
    finally:
        for thread in threads:
            os.sched_setaffinity(thread, cores)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def _write_readme(figures: list[Figure]) -> None:
    readme = ROOT / "README.md"
    machine = f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    table = "\n".join(
        ["| figure | measured | bound | method |", "|---|---|---|---|", *(figure.row() for figure in figures)]
    )
    text = f"<!-- figures -->\n\nMeasured by `make bench` in one run ({machine}):\n\n{table}\n\n<!-- /figures -->"
    new = re.sub(r"<!-- figures -->.*<!-- /figures -->", lambda _: text, readme.read_text(), flags=re.DOTALL)
    with tempfile.NamedTemporaryFile("w", dir=ROOT, delete=False) as file:
        file.write(new)
    os.chmod(file.name, 0o644)
    os.replace(file.name, readme)


if __name__ == "__main__":
    sys.exit(main())
