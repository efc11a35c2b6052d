"""Both programs `luzia` side by side, and a daemon that records what they send and answers as a test wants."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from support import DEADLINE_S, ROOT

NATIVE = ROOT / "luzia_client" / "native"
PYTHON = "import sys; from luzia_client.cli.main import main; sys.exit(main())"
COMPILER = os.environ.get("CC", "cc")
STRICT = ["-std=c11", "-g", "-O1", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror"]
SANITIZED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]

HAS_COMPILER = shutil.which(shlex.split(COMPILER)[0]) is not None


SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=0:exitcode=99", "UBSAN_OPTIONS": "print_stacktrace=1:exitcode=99"}


def compile_sanitized(program: Path, *sources: Path) -> Path:
    """Compile C files with every warning as an error, under AddressSanitizer and UBSan."""
    command = [*shlex.split(COMPILER), *STRICT, *SANITIZED, "-I", str(NATIVE), "-o", str(program), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return program


class Outcome(NamedTuple):
    """What a run of a program has done."""

    status: int
    stdout: bytes
    stderr: bytes
    requests: list[bytes]


class Programs:
    """The two programs in a directory: `luzia` under sanitizers, and `luzia-py`."""

    def __init__(self, directory: Path) -> None:
        self.native = compile_sanitized(directory / "luzia", NATIVE / "luzia.c", NATIVE / "text.c")
        self.python = directory / "luzia-py"
        self.python.write_text(f"#!{sys.executable}\n{PYTHON}\n")
        self.python.chmod(0o755)

    def installed(self, directory: Path, modules: Sequence[Path], paths: Sequence[Path] = ()) -> Path:
        """Both programs in a virtual environment, whose site announces itself on stderr; returns the native one.

        modules: packages in its directory of packages. paths: directories that only its site adds.
        """
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = directory / "lib" / version / "site-packages"
        for made in (directory / "bin", packages):
            made.mkdir(parents=True)
        home = Path(sys.executable).resolve().parent
        (directory / "pyvenv.cfg").write_text(f"home = {home}\n")
        python = directory / "bin" / "python3"
        python.symlink_to(home / version)
        for module in modules:
            (packages / module.name).symlink_to(module)
        lines = [*map(str, paths), "import sys; sys.stderr.write('site\\n')"]
        (packages / "more.pth").write_text("\n".join(lines) + "\n")
        for program in (self.native, self.python):
            shutil.copy(program, directory / "bin" / program.name)
        (directory / "bin" / "luzia-py").write_text(f"#!{python}\n{PYTHON}\n")
        return directory / "bin" / "luzia"

    def run(self, program: Path, words: Sequence[str | bytes], env: dict[str, str], **options: Any) -> Any:
        """Run a program to its end; the sanitizers report on stderr and exit with 99."""
        options = {"capture_output": True, "timeout": DEADLINE_S} | options
        return subprocess.run([program, *words], env=env | SANITIZERS, **options)


Answer = Callable[[dict[str, Any]], bytes | None]
"""What to send for a request; None closes the connection without an answer, and so does half a line after it."""


class Recorder:
    """A daemon's socket that records requests.

    answer: what it replies to each. keeps_open: do not close a connection after half a line.
    """

    def __init__(self, path: str, answer: Answer, keeps_open: bool) -> None:
        self.requests: list[bytes] = []
        self._answer = answer
        self._keeps_open = keeps_open
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(path)
        self._listening.listen(64)
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End the socket, and wait for what was accepted."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(DEADLINE_S)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connected, _ = self._listening.accept()
                thread = threading.Thread(target=self._talk, args=(connected,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _talk(self, connected: socket.socket) -> None:
        with connected, connected.makefile("rb") as lines, suppress(OSError):
            for line in lines:
                self.requests.append(line)
                reply = self._answer(json.loads(line))
                if reply is None:
                    return
                connected.sendall(reply)
                if not self._keeps_open and (not reply.strip() or not reply.endswith(b"\n")):
                    return


@contextmanager
def recording(path: Path, answer: Answer, *, keeps_open: bool = False) -> Iterator[Recorder]:
    """A recorder for a `with` block."""
    recorder = Recorder(str(path), answer, keeps_open)
    try:
        yield recorder
    finally:
        recorder.close()
        path.unlink()


def normalized(request: bytes) -> bytes:
    """A request without what differs from run to run: the random key, the time, and the rest of a timeout."""
    request = re.sub(rb'("since":)"[^"]*"', rb'\1"TIME"', request)
    request = re.sub(rb'"auto-[0-9a-f]{24}"', b'"auto-KEY"', request)
    return re.sub(rb'("op":"wait".*"timeout_s":)[1-9][0-9.]*', rb"\g<1>LEFT", request)
