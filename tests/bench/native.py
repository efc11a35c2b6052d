"""Measures the native luzia beside programs that do as little: idle, on a busy machine, and with a long queue.

Run by `make bench`; fails when a bound is exceeded. Times are of whole processes, taken in turn.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import eventually, private_daemon

LUZIA = str(Path(sys.executable).with_name("luzia"))
MINIMAL = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(int argc, char **argv) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[16384], *name;
    int size = snprintf(text, sizeof text, "{\"op\":\"dispatch\",\"project\":\"%s\",\"task\":\"true\",\"key\":\"k-%d\","
        "\"umask\":18,\"client_env\":{\"PATH\":\"%s\"}}\n", argv[argc - 1], getpid(), getenv("PATH"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(address.sun_path, argv[1]);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 || write(fd, text, size) != size)
        return 1;
    for (size = 0; size == 0 || text[size - 1] != '\n';) {
        int more = read(fd, text + size, sizeof text - 1 - size);
        if (more <= 0)
            return 1;
        size += more;
    }
    text[size] = '\0';
    name = strstr(text, "\"name\":\"");
    return name == NULL || printf("%.*s\n", (int)strcspn(name + 8, "\""), name + 8) < 0;
}
"""
"""The exchange of a dispatch and nothing else."""

RATIO_TO_MINIMAL = 1.2
RATIO_TO_TSP = 2.0
RATIO_OF_A_LONG_QUEUE = 1.1
LOADED_MEDIAN_MS, LOADED_P99_MS = 30.0, 100.0
WAIT_BYTES = SHIM_BYTES = 1 << 20


def main() -> int:
    """Take all measurements; returns 1 when a bound is exceeded."""
    passed = [measure_idle(), measure_queue(), measure_loaded(), measure_wait(), measure_shim()]
    return 0 if all(passed) else 1


def measure_idle() -> bool:
    """One dispatch beside the minimal program and task-spooler, while a job that sleeps has the only slot of each.

    Otherwise the job that one command has dispatched runs while the next command is measured.
    """
    held = "[daemon]\nmax_running = 1\n"
    with private_daemon(held) as daemon, tempfile.TemporaryDirectory(prefix="lz-") as directory:
        subprocess.run([LUZIA, "overbits", "sleep 3600"], env=daemon.env, stdout=subprocess.DEVNULL, check=True)
        commands = {
            "luzia": [LUZIA, "overbits", "true"],
            "minimal program": [*minimal(directory), daemon.socket, "overbits"],
        }
        if tsp := shutil.which("tsp"):
            commands["tsp"] = [tsp, "true"]
        env = daemon.env | {"TS_SOCKET": f"{directory}/tsp", "TMPDIR": directory}
        if tsp:
            subprocess.run([tsp, "sleep", "3600"], env=env, stdout=subprocess.DEVNULL, check=True)
        times = {name: statistics.median(found) for name, found in in_turn(commands, env, 200).items()}
        if tsp:
            running = int(subprocess.check_output([tsp, "-p", "0"], env=env))
            subprocess.run([tsp, "-K"], env=env, check=True)
            os.kill(running, signal.SIGTERM)
    passed = report("idle / minimal program", times["luzia"] / times["minimal program"], RATIO_TO_MINIMAL)
    return passed & (not tsp or report("idle / tsp", times["luzia"] / times["tsp"], RATIO_TO_TSP))


def measure_queue() -> bool:
    """One dispatch with an empty queue and with 100,000 queued jobs, in turn on two daemons."""
    held = "[daemon]\nmax_running = 1\n"
    with private_daemon(held) as empty, private_daemon(held) as full:
        for daemon in (empty, full):
            with daemon.connect() as wire:
                wire.ok(op="dispatch", project="overbits", task="sleep 3600")
        with full.connect() as wire:
            job = {"project": "overbits", "task": "true"}
            for _ in range(100):
                wire.ok(op="graph", jobs=[{**job, "name": str(number)} for number in range(1000)])
        found: dict[str, list[float]] = {"empty": [], "full": []}
        for _ in range(200):
            for name, daemon in (("empty", empty), ("full", full)):
                found[name].append(run([LUZIA, "overbits", "true"], daemon.env))
    return report(
        "100,000 queued / none",
        statistics.median(found["full"]) / statistics.median(found["empty"]),
        RATIO_OF_A_LONG_QUEUE,
    )


def measure_loaded() -> bool:
    """One dispatch while 8 jobs and two busy loops for each CPU run."""
    with private_daemon("[daemon]\nmax_running = 8\n") as daemon, busy_loops(2 * (os.cpu_count() or 1)):
        with daemon.connect() as wire:
            jobs = [wire.ok(op="dispatch", project="overbits", task="while :; do :; done")["job"] for _ in range(8)]
            eventually(
                lambda: all(wire.ok(op="status", job=job)["job"]["state"] == "running" for job in jobs), "the jobs"
            )
        times = sorted(run([LUZIA, "overbits", "true"], daemon.env) * 1000 for _ in range(200))
    passed = report("loaded, median (ms)", statistics.median(times), LOADED_MEDIAN_MS)
    return passed & report("loaded, p99 (ms)", times[-3], LOADED_P99_MS)


def measure_wait() -> bool:
    """The private memory of a command that waits."""
    with private_daemon() as daemon:
        with daemon.connect() as wire:
            job = wire.ok(op="dispatch", project="overbits", task="sleep 3600")["job"]
        with subprocess.Popen([LUZIA, "wait", job], env=daemon.env, stdout=subprocess.DEVNULL) as waiting:
            eventually(lambda: Path(f"/proc/{waiting.pid}/wchan").read_text().startswith("unix_stream"), "the wait")
            private = private_memory(waiting.pid)
            waiting.kill()
    return report("wait, private memory (bytes)", private, WAIT_BYTES)


def measure_shim() -> bool:
    """The private memory of a shim whose agent runs."""
    with private_daemon() as daemon, daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", task="sleep 3600")["job"]
        lock = daemon.state / "jobs" / job / "1" / "lock"
        eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] == "running", "the job")
        shim = json.loads(lock.read_text())["pid"]
        eventually(lambda: Path(f"/proc/{shim}/wchan").read_text().startswith("do_sigtimedwait"), "the shim")
        private = private_memory(shim)
        wire.ok(op="cancel", job=job)
    return report("shim, private memory (bytes)", private, SHIM_BYTES)


def private_memory(pid: int) -> int:
    """The bytes of a process that it shares with no other."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Private"))


def minimal(directory: str) -> list[str]:
    """The command of the minimal program, compiled."""
    program = f"{directory}/minimal"
    subprocess.run(["cc", "-O2", "-x", "c", "-o", program, "-"], input=MINIMAL, text=True, check=True)
    return [program]


def in_turn(commands: Mapping[str, list[str]], env: dict[str, str], times: int) -> dict[str, list[float]]:
    """Seconds that each command takes, measured in alternation."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            found[name].append(run(command, env))
    return found


def run(command: list[str], env: dict[str, str]) -> float:
    """Seconds that a process takes from its start to its end."""
    actions = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    begin = time.perf_counter()
    _, status = os.waitpid(os.posix_spawn(command[0], command, env, file_actions=actions), 0)
    took = time.perf_counter() - begin
    assert status == 0, (command, status)
    return took


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Processes that use the CPUs, for a `with` block."""
    loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"], start_new_session=True) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def report(what: str, value: float, most: float) -> bool:
    """Print a figure beside its bound; returns whether it is within it."""
    print(f"native: {what}: {value:,.2f} (at most {most:,g}){'' if value <= most else '  EXCEEDED'}", flush=True)
    return value <= most


if __name__ == "__main__":
    sys.exit(main())
