"""The dispatchers that luzia is compared with, each with its own programs: see comparing.py."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
from abc import ABC, abstractmethod
from pathlib import Path

from support import PrivateDaemon, eventually

LUZIA = str(Path(sys.executable).with_name("luzia"))


class Dispatcher(ABC):
    """One of those that are compared. env: its clients' environment. cwd: where they are called."""

    name: str
    env: dict[str, str]
    cwd: Path

    @abstractmethod
    def version(self) -> str:
        """Which one it is."""

    @abstractmethod
    def start(self, slots: int) -> None:
        """Start its daemon, or start it again."""

    @abstractmethod
    def command(self, shell: str) -> list[str]:
        """What a user runs to have `shell` run in the background."""

    @abstractmethod
    def pids(self) -> list[int]:
        """Its processes while nothing runs, the daemon first."""

    @abstractmethod
    def known(self) -> dict[str, int | None]:
        """Command -> exit code if there is one, of all jobs that it knows."""

    @abstractmethod
    def settled(self) -> None:
        """Return when every job has ended."""

    @abstractmethod
    def stop(self) -> None:
        """End the daemon and what runs."""

    def add(self, shell: str) -> None:
        """Have one job taken in, as a user does."""
        subprocess.run(self.command(shell), env=self.env, cwd=self.cwd, stdout=subprocess.DEVNULL, check=True)

    def add_many(self, shell: str, count: int) -> None:
        """Have many jobs taken in, in the quickest way that it offers."""
        for _ in range(count):
            self.add(shell)

    def kill(self) -> None:
        """kill -9 to the daemon alone."""
        pid = self.pids()[0]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not _alive(pid), f"the end of {self.name}'s daemon")

    def ask(self, program: str, *words: str) -> str:
        """What one of its programs prints."""
        command = [program, *words]
        return subprocess.run(command, env=self.env, cwd=self.cwd, capture_output=True, text=True, check=True).stdout


class Luzia(Dispatcher):
    name = "luzia"

    def __init__(self, root: Path) -> None:
        self._daemon = PrivateDaemon(root)
        self.env = self._daemon.env
        self.cwd = self._daemon.project

    def version(self) -> str:
        return self.ask(LUZIA, "version").split()[1]

    def start(self, slots: int) -> None:
        text = self._daemon.config_file.read_text()
        if "[daemon]" not in text:
            self._daemon.config_file.write_text(f"{text}[daemon]\nmax_running = {slots}\n")
        self._daemon.start()

    def command(self, shell: str) -> list[str]:
        return [LUZIA, "--agent", "shell", ".", shell]

    def add_many(self, shell: str, count: int) -> None:
        line = json.dumps({"project": "overbits", "task": shell}) + "\n"
        command = [LUZIA, "batch", "-"]
        subprocess.run(command, env=self.env, input=line * count, text=True, stdout=subprocess.DEVNULL, check=True)

    def pids(self) -> list[int]:
        with self._daemon.connect() as wire:
            info = wire.ok(op="info")
        return [info["pid"], info["fork_server_pid"]]

    def known(self) -> dict[str, int | None]:
        with self._daemon.connect() as wire:
            jobs = wire.ok(op="list", limit=1000)["jobs"]
        return {job["task"]: job.get("exit_code") for job in jobs}

    def settled(self) -> None:
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

    def __init__(self, root: Path) -> None:
        self._run = root / "run"
        self._run.mkdir()
        (root / "data").mkdir()
        config = root / "pueue.yml"
        config.write_text(
            "---\nclient: {}\ndaemon: {}\nshared:\n"
            f"  pueue_directory: {root}/data\n  runtime_directory: {self._run}\n"
            f"  use_unix_socket: true\n  unix_socket_path: {root}/socket\n"
        )
        self.env = {**os.environ, "PUEUE_CONFIG_PATH": str(config)}
        self.cwd = root

    def version(self) -> str:
        return self.ask("pueue", "--version").split()[-1]

    def start(self, slots: int) -> None:
        subprocess.run(["pueued", "--daemonize"], env=self.env, stdout=subprocess.DEVNULL, check=True)
        command = ["pueue", "parallel", str(slots)]
        eventually(lambda: subprocess.run(command, env=self.env, capture_output=True).returncode == 0, "pueued")

    def command(self, shell: str) -> list[str]:
        return ["pueue", "add", "--", shell]

    def pids(self) -> list[int]:
        return [int((self._run / "pueue.pid").read_text())]

    def known(self) -> dict[str, int | None]:
        tasks = json.loads(self.ask("pueue", "status", "--json"))["tasks"]
        results = {task["original_command"]: task["status"].get("Done", {}).get("result") for task in tasks.values()}
        return {command: _pueue_code(result) for command, result in results.items()}

    def settled(self) -> None:
        self.ask("pueue", "wait", "--quiet")

    def stop(self) -> None:
        pid = self.pids()[0]
        self.ask("pueue", "reset", "--force")
        self.ask("pueue", "shutdown")
        eventually(lambda: not _alive(pid), "the end of pueued")


class TaskSpooler(Dispatcher):
    name = "task-spooler"

    def __init__(self, root: Path) -> None:
        self.env = {**os.environ, "TS_SOCKET": str(root / "socket"), "TMPDIR": str(root)}
        self.cwd = root

    def version(self) -> str:
        found = re.search(r"v([\d.]+)", self.ask("tsp", "-V"))
        assert found is not None
        return found[1]

    def start(self, slots: int) -> None:
        self.ask("tsp", "-S", str(slots))

    def command(self, shell: str) -> list[str]:
        return ["tsp", "sh", "-c", shell]

    def pids(self) -> list[int]:
        return [_listener(self.env["TS_SOCKET"])]

    def known(self) -> dict[str, int | None]:
        lines = [line for line in self.ask("tsp", "-l").splitlines() if "sh -c " in line]
        finished = re.compile(r"\d+ +finished +\S+ +(-?\d+) ")
        codes = {line.split("sh -c ", 1)[1]: finished.match(line) for line in lines}
        return {command: int(code[1]) if code else None for command, code in codes.items()}

    def settled(self) -> None:
        eventually(lambda: not re.search(r"^\d+ +(queued|running)", self.ask("tsp", "-l"), re.MULTILINE), "all ends")

    def stop(self) -> None:
        self.ask("tsp", "-K")


def _pueue_code(result: object) -> int | None:
    """The exit code in a result of pueue's: `"Success"`, `{"Failed": 7}`, or words for what is no exit."""
    if result == "Success":
        return 0
    return result.get("Failed") if isinstance(result, dict) else None


def _alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _listener(path: str) -> int:
    """The process that listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid
