"""What the tests share: a private daemon in a directory of its own, and waiting for conditions."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from luziad.store.files import STORE_NAME

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
DEADLINE_S = 60.0
MAIN = "import sys; from luzia_client.cli.main import main; sys.exit(main())"
if program := os.environ.get("LUZIA_TEST_PROGRAM"):  # `make test-native` runs the tests through another program
    MAIN = f"import os, sys; os.execv({program!r}, ['luzia', *sys.argv[1:]])"


def install_luzia(directory: Path) -> Path:
    """Put a `luzia` command there; returns the directory, for a PATH."""
    directory.mkdir(exist_ok=True)
    command = directory / "luzia"
    command.write_text(f"#!{sys.executable}\n{MAIN}\n")
    command.chmod(0o755)
    return directory


def eventually(condition: Callable[[], T], what: str = "the condition") -> T:
    """Wait until `condition` returns something true, and return it."""
    deadline = time.monotonic() + DEADLINE_S
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true in {DEADLINE_S:g} s")
        time.sleep(0.01)
    return result


class Watcher(Protocol):
    """Sees the traffic of a connection."""

    def sent(self, data: bytes) -> None: ...

    def received(self, frame: dict[str, Any]) -> None: ...


class Connection:
    """A plain connection to a daemon's socket: JSON lines out, JSON lines in.

    watcher: makes what sees the traffic of each connection; the integration tests validate all of it.
    """

    watcher: Callable[[], Watcher] | None = None

    def __init__(self, path: str) -> None:
        self._watcher = None if Connection.watcher is None else Connection.watcher()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(path)
        self._reading = self.socket.makefile("rb")

    def send(self, **request: object) -> None:
        self.send_bytes(json.dumps(request).encode() + b"\n")

    def send_bytes(self, data: bytes) -> None:
        if self._watcher is not None:
            self._watcher.sent(data)
        self.socket.sendall(data)

    def receive(self) -> dict[str, Any]:
        """The next frame. Raises EOFError when the daemon closed the connection."""
        line = self._reading.readline()
        if not line:
            raise EOFError("the daemon closed the connection")
        frame: dict[str, Any] = json.loads(line)
        if self._watcher is not None:
            self._watcher.received(frame)
        return frame

    def ask(self, **request: object) -> dict[str, Any]:
        self.send(**request)
        return self.receive()

    def ok(self, **request: object) -> dict[str, Any]:
        """The answer to a request that must succeed."""
        answer = self.ask(**request)
        assert "ok" in answer, answer
        result: dict[str, Any] = answer["ok"]
        return result

    def error(self, **request: object) -> dict[str, Any]:
        """The error of a request that must be refused."""
        answer = self.ask(**request)
        assert "error" in answer, answer
        result: dict[str, Any] = answer["error"]
        assert result["message"]
        assert result["hint"]
        return result

    def close(self) -> None:
        self._reading.close()
        self.socket.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def dispatch(wire: Connection, task: str = "true", project: str = "overbits", **more: object) -> str:
    """Have a job accepted; returns its id. more: other fields of the request."""
    job: str = wire.ok(op="dispatch", project=project, task=task, **more)["job"]
    return job


def status(wire: Connection, job: str) -> dict[str, Any]:
    """Everything about a job."""
    found: dict[str, Any] = wire.ok(op="status", job=job)["job"]
    return found


def ended(wire: Connection, *jobs: str) -> list[dict[str, Any]]:
    """The jobs, once all have ended."""
    found = wire.ok(op="wait", jobs=[*jobs], timeout_s=DEADLINE_S)
    assert not found["timed_out"]
    result: list[dict[str, Any]] = found["jobs"]
    return result


def end_states(wire: Connection, *jobs: str) -> list[str]:
    """Their states, once all have ended."""
    return [job["state"] for job in ended(wire, *jobs)]


class PrivateDaemon:
    """A daemon of its own. Paths are short, for a socket's path has 107 bytes at most.

    config: the text of config.toml; `{root}` in it becomes the directory. env: more variables for the daemon.
    """

    def __init__(self, root: Path, config: str = "", env: dict[str, str] | None = None) -> None:
        self.root = root
        self.project = root / "overbits"
        self.project.mkdir(exist_ok=True)
        self.state = root / "state"
        self.socket = str(root / "run" / "luzia.sock")
        self.config_file = root / "config.toml"
        text = '[projects.overbits]\npath = "{root}/overbits"\nagent = "shell"\n' + config
        self.config_file.write_text(text.replace("{root}", str(root)))
        kept = (name for name in os.environ if not name.startswith("LUZIA_") and name != "PYTHONDONTWRITEBYTECODE")
        clean = {name: os.environ[name] for name in kept}
        self.env = clean | {
            "LUZIA_RUNTIME_DIR": str(root / "run"),
            "LUZIA_STATE_DIR": str(self.state),
            "LUZIA_CONFIG": str(self.config_file),
            "LUZIA_NO_AUTOSTART": "1",  # a client that waits must not start a daemon between kill() and start()
            **(env or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.log = root / "luziad.log"

    def start(self, program: Sequence[str] = ("-m", "luziad")) -> None:
        """Start the daemon and wait until it listens. `program`: what the interpreter runs."""
        reading, writing = os.pipe()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *program, "--ready-fd", str(writing)],
                env=self.env,
                pass_fds=(writing,),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        os.close(writing)
        with open(reading, "rb") as ready:
            line = ready.readline()
        assert line == b"ready\n", self.log.read_text()

    def connect(self) -> Connection:
        return Connection(self.socket)

    def kill(self) -> None:
        """kill -9, as a crash would be."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the daemon as an operator does; what runs goes on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE_S) == 0, self.log.read_text()

    def end_everything(self) -> None:
        """End the daemon and every shim, by pid, with their agents."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        eventually(lambda: not self._processes("luzia-forks"), "the end of the fork server")  # it follows the daemon
        for shim in self._processes("luzia-shim"):
            with suppress(ProcessLookupError):
                os.kill(shim, signal.SIGTERM)
        eventually(lambda: not self._processes("luzia-shim"), "the end of every shim")

    def _processes(self, name: str) -> list[int]:
        """Processes of this luzia's with that name, known by the directory in their environment."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has just ended
                ours = os.fsencode(self.root) in (process / "environ").read_bytes()
                if ours and (process / "comm").read_text() == f"{name}\n":
                    found.append(int(process.name))
        return found

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the `luzia` command against this daemon."""
        command = [sys.executable, "-c", MAIN, *arguments]
        options.setdefault("capture_output", True)
        return subprocess.run(command, env=self.env, text=True, timeout=DEADLINE_S, **options)

    @contextmanager
    def start_command(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A `luzia` command that is under way; it has ended after the block."""
        command = [sys.executable, "-c", MAIN, *arguments]
        with subprocess.Popen(
            command, env=self.env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            try:
                yield process
            finally:
                process.kill()


class OneRequestEach:
    """What a test asks its daemon, over a connection for each request."""

    def __init__(self, daemon: PrivateDaemon) -> None:
        self.daemon = daemon

    def ok(self, **request: object) -> dict[str, Any]:
        with self.daemon.connect() as connection:
            return connection.ok(**request)

    def error(self, **request: object) -> str:
        """The code of a request's error."""
        with self.daemon.connect() as connection:
            code: str = connection.error(**request)["code"]
            return code

    def job(self, job: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.ok(op="status", job=job)["job"]
        return answer

    def ended(self, job: str) -> dict[str, Any]:
        """The job, once it has ended."""
        self.ok(op="wait", jobs=[job])
        return self.job(job)


@contextmanager
def private_daemon(
    config: str = "", env: dict[str, str] | None = None, program: Sequence[str] = ("-m", "luziad")
) -> Iterator[PrivateDaemon]:
    """A running daemon in a new directory; nothing of it is left afterwards.

    program: as in `PrivateDaemon.start`; a word `{root}` becomes the directory.
    """
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon = PrivateDaemon(Path(directory), config, env)
        try:
            daemon.start([directory if word == "{root}" else word for word in program])
            yield daemon
        finally:
            daemon.end_everything()


def expire_cursors(state: Path) -> None:
    """Have the store of a daemon that is stopped know that all of its events were lost."""
    with closing(sqlite3.connect(state / STORE_NAME)) as store:
        (newest,) = store.execute("SELECT max(seq) FROM events").fetchone()
        last = newest + 5000
        store.execute("INSERT INTO events SELECT ?, event FROM events WHERE seq = ?", (last, newest))
        store.execute("UPDATE pruned SET lost = ?, horizon = ?", (last, last))
        store.commit()
