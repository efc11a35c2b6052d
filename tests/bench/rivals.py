"""The dispatchers that are compared, each with its commands: see comparing.py."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from ctypes import CDLL, get_errno
from pathlib import Path
from typing import ClassVar

from support import PrivateDaemon, eventually

LUZIA = str(Path(sys.executable).with_name("luzia"))
HYPERQUEUE_SERVER = str(Path(__file__).with_name("hyperqueue_server.py"))
AT_SPOOL = Path("/var/spool/cron")
NEW_MOUNTS = 0x20000  # CLONE_NEWNS


class NotApplicable(Exception):
    """The dispatcher has nothing to measure here. The text is the cell of the table."""


class Dispatcher(ABC):
    """A dispatcher in a directory of its own.

    programs: what it needs on the PATH. capacity: the number of queued jobs that the benchmark may not exceed.
    env: the environment of its clients. cwd: where they are called.
    """

    name: ClassVar[str]
    programs: ClassVar[tuple[str, ...]] = ()
    capacity: ClassVar[int | None] = None

    def __init__(self, root: Path) -> None:
        self.cwd = root
        self.env = {**os.environ, "LUZIA_BENCH": str(root)}

    @classmethod
    def is_available(cls) -> bool:
        """Whether it is installed and can run here."""
        return all(shutil.which(program) for program in cls.programs)

    @abstractmethod
    def version(self) -> str:
        """Its version."""

    @abstractmethod
    def start(self, slots: int) -> None:
        """Start its daemon, also after a crash."""

    @abstractmethod
    def command(self, shell: str) -> list[str]:
        """The command with which a user runs `shell` in the background."""

    @abstractmethod
    def pids(self) -> list[int]:
        """Its processes while no job runs, the daemon first."""

    def queue_pids(self) -> list[int]:
        """Its processes while jobs are queued."""
        return self.pids()

    @abstractmethod
    def known(self) -> dict[str, int | None]:
        """Command -> exit code, if there is one, of all jobs that it lists."""

    @abstractmethod
    def settle(self) -> None:
        """Return when every job has ended."""

    @abstractmethod
    def stop(self) -> None:
        """End the daemon and all running jobs."""

    def add(self, shell: str) -> None:
        """Run `shell` in the background, as a user does."""
        self.run(*self.command(shell))

    def add_many(self, shell: str, count: int, time_s: float) -> int:
        """Queue `count` jobs in the quickest way that it offers; stop after `time_s` seconds. Return their number."""
        deadline = time.monotonic() + time_s
        for number in range(count):
            if time.monotonic() > deadline:
                return number
            self.run(*self.command(shell))
        return count

    def kill(self) -> None:
        """kill -9 of the daemon alone."""
        pid = self.pids()[0]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not is_alive(pid), f"the end of {self.name}'s daemon")

    def run(self, *command: str) -> str:
        """The output of a command."""
        return subprocess.run(
            command, env=self.env, cwd=self.cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        ).stdout

    def own_pids(self) -> list[int]:
        """All processes with its variable in their environment."""
        mark = f"LUZIA_BENCH={self.env['LUZIA_BENCH']}\0".encode()
        return [pid for pid, environment in _environments() if mark in environment]

    def end_own(self) -> None:
        """kill -9 of all its processes, until there is none."""

        def is_empty() -> bool:
            pids = [pid for pid in self.own_pids() if is_alive(pid)]
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not pids

        eventually(is_empty, f"the end of {self.name}")


class Luzia(Dispatcher):
    name = "luzia"

    def __init__(self, root: Path) -> None:
        self._daemon = PrivateDaemon(root)
        self.env = self._daemon.env
        self.cwd = self._daemon.project

    def version(self) -> str:
        return self.run(LUZIA, "version").split()[1]

    def start(self, slots: int) -> None:
        text = self._daemon.config_file.read_text()
        if "[daemon]" not in text:
            self._daemon.config_file.write_text(f"{text}[daemon]\nmax_running = {slots}\n")
        self._daemon.start()

    def command(self, shell: str) -> list[str]:
        return [LUZIA, "--agent", "shell", ".", shell]

    def add_many(self, shell: str, count: int, time_s: float) -> int:
        line = json.dumps({"project": "overbits", "task": shell}) + "\n"
        command = [LUZIA, "batch", "-"]
        subprocess.run(command, env=self.env, input=line * count, text=True, stdout=subprocess.DEVNULL, check=True)
        return count

    def pids(self) -> list[int]:
        with self._daemon.connect() as wire:
            info = wire.ok(op="info")
        return [info["pid"], info["fork_server_pid"]]

    def known(self) -> dict[str, int | None]:
        with self._daemon.connect() as wire:
            jobs = wire.ok(op="list", limit=1000)["jobs"]
        return {job["task"]: job.get("exit_code") for job in jobs}

    def settle(self) -> None:
        with self._daemon.connect() as wire:
            wire.socket.settimeout(None)
            jobs = [job["id"] for job in wire.ok(op="list", limit=1000)["jobs"]]
            wire.ok(op="wait", jobs=jobs)

    def stop(self) -> None:
        self._daemon.end_everything()

    def kill(self) -> None:
        self._daemon.kill()


class Pueue(Dispatcher):
    name = "pueue"
    programs = ("pueue", "pueued")

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._run = root / "run"
        self._run.mkdir()
        (root / "data").mkdir()
        config = root / "pueue.yml"
        config.write_text(
            "---\nclient: {}\ndaemon: {}\nshared:\n"
            f"  pueue_directory: {root}/data\n  runtime_directory: {self._run}\n"
            f"  use_unix_socket: true\n  unix_socket_path: {root}/socket\n"
        )
        self.env["PUEUE_CONFIG_PATH"] = str(config)

    def version(self) -> str:
        return self.run("pueue", "--version").split()[-1]

    def start(self, slots: int) -> None:
        subprocess.run(["pueued", "--daemonize"], env=self.env, stdout=subprocess.DEVNULL, check=True)
        command = ["pueue", "parallel", str(slots)]
        eventually(lambda: subprocess.run(command, env=self.env, capture_output=True).returncode == 0, "pueued")

    def command(self, shell: str) -> list[str]:
        return ["pueue", "add", "--", shell]

    def pids(self) -> list[int]:
        return [int((self._run / "pueue.pid").read_text())]

    def known(self) -> dict[str, int | None]:
        tasks = json.loads(self.run("pueue", "status", "--json"))["tasks"]
        results = {task["original_command"]: task["status"].get("Done", {}).get("result") for task in tasks.values()}
        return {command: _pueue_code(result) for command, result in results.items()}

    def settle(self) -> None:
        self.run("pueue", "wait", "--quiet")

    def stop(self) -> None:
        self.end_own()


class TaskSpooler(Dispatcher):
    name = "task-spooler"
    programs = ("tsp",)
    capacity = 900  # it accepts about 990: each queued job is a connection, and a process has 1,024 descriptors

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.env |= {"TS_SOCKET": str(root / "socket"), "TMPDIR": str(root)}

    def version(self) -> str:
        found = re.search(r"v([\d.]+)", self.run("tsp", "-V"))
        assert found is not None
        return found[1]

    def start(self, slots: int) -> None:
        self.run("tsp", "-S", str(slots))

    def command(self, shell: str) -> list[str]:
        return ["tsp", "sh", "-c", shell]

    def pids(self) -> list[int]:
        return [_listener(self.env["TS_SOCKET"])]

    def queue_pids(self) -> list[int]:
        return self.own_pids()

    def known(self) -> dict[str, int | None]:
        lines = [line for line in self.run("tsp", "-l").splitlines() if "sh -c " in line]
        finished = re.compile(r"\d+ +finished +\S+ +(-?\d+) ")
        codes = {line.split("sh -c ", 1)[1]: finished.match(line) for line in lines}
        return {command: int(code[1]) if code else None for command, code in codes.items()}

    def settle(self) -> None:
        eventually(lambda: not re.search(r"^\d+ +(queued|running)", self.run("tsp", "-l"), re.MULTILINE), "all ends")

    def stop(self) -> None:
        self.end_own()


class Nq(Dispatcher):
    """nq has no daemon: each queued job is a process that waits for the locks of those before it."""

    name = "nq"
    programs = ("nq",)
    capacity = 1000  # two processes for each queued job

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.env["NQDIR"] = str(root / "queue")

    def version(self) -> str:
        return _debian_version("nq")

    def start(self, slots: int) -> None:
        """Nothing to start, and no slots: one job runs at a time."""

    def command(self, shell: str) -> list[str]:
        return ["nq", "sh", "-c", shell]

    def pids(self) -> list[int]:
        raise NotApplicable("no daemon")

    def queue_pids(self) -> list[int]:
        return self.own_pids()

    def known(self) -> dict[str, int | None]:
        raise NotApplicable("no daemon")

    def settle(self) -> None:
        self.run("nq", "-w")

    def stop(self) -> None:
        self.end_own()


class At(Dispatcher):
    """at has one spool for the machine; here atd and its clients see an empty one, in a mount namespace."""

    name = "at"
    programs = ("at", "atd", "atq", "unshare")

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._files = 0

    @classmethod
    def is_available(cls) -> bool:
        command = ["unshare", "--mount", "true"]
        return super().is_available() and subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0

    def version(self) -> str:
        return _debian_version("at")

    def start(self, slots: int) -> None:
        """Start atd, which has no slots: with one slot, all jobs but those of `add` are for tomorrow."""
        _hide_spool()
        self._when = ["now"] if slots > 1 else ["now", "+", "1", "day"]
        self._atd = subprocess.Popen(["atd", "-f"], env=self.env)
        pid_file = Path("/run/atd.pid")
        eventually(lambda: pid_file.exists() and pid_file.read_text() == f"{self._atd.pid}\n", "atd")

    def command(self, shell: str) -> list[str]:
        self._files += 1
        script = self.cwd / f"script{self._files}"
        script.write_text(f"{shell}\n")
        return ["at", "-f", str(script), *self._when]

    def add(self, shell: str) -> None:
        self.run(*self.command(shell)[:3], "now")

    def pids(self) -> list[int]:
        return [self._atd.pid]

    def known(self) -> dict[str, int | None]:
        jobs = [line.split()[0] for line in self.run("atq").splitlines()]
        return {self.run("at", "-c", job).rstrip().rpartition("\n")[2]: None for job in jobs}

    def settle(self) -> None:
        eventually(lambda: not self.run("atq"), "the end of at's jobs")

    def kill(self) -> None:
        self._atd.kill()
        self._atd.wait()

    def stop(self) -> None:
        self.kill()
        self.end_own()
        for job in AT_SPOOL.glob("at*/[!.]*"):
            job.unlink()


class HyperQueue(Dispatcher):
    """The server and a worker of HyperQueue's Python package, which has no `hq` command."""

    name = "HyperQueue"

    @classmethod
    def is_available(cls) -> bool:
        return subprocess.run([sys.executable, "-c", "import hyperqueue"], capture_output=True).returncode == 0

    def version(self) -> str:
        return importlib.metadata.version("hyperqueue")

    def start(self, slots: int) -> None:
        command = [sys.executable, HYPERQUEUE_SERVER, str(self.cwd), str(slots)]
        pipe = subprocess.PIPE
        self._batches = 0
        self._process = subprocess.Popen(
            command, env=self.env, cwd=self.cwd, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        )
        self._read()

    def command(self, shell: str) -> list[str]:
        raise NotApplicable("-")

    def add(self, shell: str) -> None:
        self.add_many(shell, 1, 0)

    def add_many(self, shell: str, count: int, time_s: float) -> int:
        assert self._process.stdin is not None
        self._batches += 1
        self._process.stdin.write(json.dumps([shell, count, self._batches]) + "\n")
        self._process.stdin.flush()
        self._read()
        return count

    def pids(self) -> list[int]:
        return [self._process.pid]

    def known(self) -> dict[str, int | None]:
        raise NotApplicable("-")

    def kill(self) -> None:
        raise NotApplicable("-")

    def settle(self) -> None:
        eventually((self.cwd / f"ended{self._batches}").exists, "the end of HyperQueue's tasks")

    def stop(self) -> None:
        self.end_own()
        self._process.wait()

    def _read(self) -> None:
        """Wait for the server's answer among the lines of its log."""
        assert self._process.stdout is not None
        while (line := self._process.stdout.readline()) != "ready\n":
            assert line, "HyperQueue's server has ended"


RIVALS: tuple[type[Dispatcher], ...] = (Pueue, TaskSpooler, Nq, At, HyperQueue)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _hide_spool() -> None:
    """Give this process and its children an empty spool of at."""
    if AT_SPOOL.is_mount():
        return
    if CDLL(None, use_errno=True).unshare(NEW_MOUNTS) != 0:
        raise OSError(get_errno(), "cannot create a mount namespace for atd")
    for command in ("--make-rprivate /", "-t tmpfs none /run", f"-t tmpfs none {AT_SPOOL}"):
        subprocess.run(["mount", *command.split()], check=True)
    for directory in (AT_SPOOL / "atjobs", AT_SPOOL / "atspool"):
        directory.mkdir()
        directory.chmod(0o1770)
        shutil.chown(directory, "daemon", "daemon")
    sequence = AT_SPOOL / "atjobs" / ".SEQ"
    sequence.touch(0o600)
    shutil.chown(sequence, "daemon", "daemon")


def _environments() -> Iterator[tuple[int, bytes]]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield int(process.name), (process / "environ").read_bytes()


def _debian_version(package: str) -> str:
    """The version of a program that does not print its own."""
    if shutil.which("dpkg-query") is None:
        return ""
    command = ["dpkg-query", "-W", "-f", "${Version}", package]
    return subprocess.run(command, capture_output=True, text=True).stdout.partition("-")[0]


def _pueue_code(result: object) -> int | None:
    """The exit code in a result of pueue: `"Success"`, `{"Failed": 7}`, or a word for a job that did not exit."""
    if result == "Success":
        return 0
    return result.get("Failed") if isinstance(result, dict) else None


def _listener(path: str) -> int:
    """The process that listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid
