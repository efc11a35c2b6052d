"""What protocol/README.md shows is what a fresh daemon says."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from luzia_protocol.requests import Request

from integration.protocol_examples import Example, check_answers, examples

PAGE = Path(__file__).parents[2] / "protocol" / "README.md"
DEADLINE_S = 60

SOCAT = """#!{python}
# Stands in for `socat [-t S] - UNIX-CONNECT:path`: sends stdin, ends it, and prints what comes.
import shutil, socket, sys
with socket.socket(socket.AF_UNIX) as peer:
    peer.connect(sys.argv[-1].partition(":")[2])
    peer.sendall(sys.stdin.buffer.read())
    peer.shutdown(socket.SHUT_WR)
    shutil.copyfileobj(peer.makefile("rb"), sys.stdout.buffer)
"""


class Place:
    """A directory with all that a daemon of its own needs, and the daemon."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.socket = root / "run" / "luzia.sock"
        (root / "overbits").mkdir()
        (root / "bin").mkdir()
        (root / "config.toml").write_text(f'[projects.overbits]\npath = "{root}/overbits"\n')
        socat = root / "bin" / "socat"
        socat.write_text(SOCAT.format(python=sys.executable))
        socat.chmod(0o755)

    def environment(self) -> dict[str, str]:
        """For the daemon and for shell snippets."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LUZIA_")}
        return inherited | {
            "LUZIA_RUNTIME_DIR": str(self.root / "run"),
            "LUZIA_STATE_DIR": str(self.root / "state"),
            "LUZIA_CONFIG": str(self.root / "config.toml"),
            "PATH": f"{self.root}/bin:{os.environ['PATH']}",
            "SOCK": str(self.socket),
        }

    def start(self) -> subprocess.Popen[bytes]:
        """Start the daemon and return when it listens."""
        read_end, write_end = os.pipe()
        with open(self.root / "log", "wb") as log:
            daemon = subprocess.Popen(
                [sys.executable, "-m", "luziad", "--ready-fd", str(write_end)],
                env=self.environment(),
                pass_fds=(write_end,),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        os.close(write_end)
        with open(read_end) as ready:
            assert ready.readline() == "ready\n", (self.root / "log").read_text()
        return daemon


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    daemon = place.start()
    yield place
    if daemon.poll() is None:
        daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(DEADLINE_S) == 0, (tmp_path / "log").read_text()


def run_in_shell(place: Place, example: Example) -> None:
    """Run a snippet; every line it prints must be an answer that is no error."""
    result = subprocess.run(
        ["sh", "-eu", "-c", example.text],
        env=place.environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout
    assert all("ok" in json.loads(line) for line in result.stdout.splitlines())


def ask(place: Place, example: Example, job: str) -> list[Any]:
    """Send an example's request on a connection of its own and check the answers."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(DEADLINE_S)
        peer.connect(str(place.socket))
        peer.sendall(example.text.replace("JOB", job).encode())
        lines = iter(peer.makefile(encoding="utf-8").readline, "")
        # The answer to a dispatch is where JOB comes from, so there it may be anything.
        expected = [
            line.replace("JOB", "…" if '"dispatch"' in example.text else job) for line in example.answers
        ]
        return check_answers(expected, lines)


def test_every_example_works_from_top_to_bottom(place: Place) -> None:
    job = ""
    for example in examples(PAGE):
        try:
            if example.shell:
                run_in_shell(place, example)
                continue
            answers = ask(place, example, job)
        except AssertionError as error:
            raise AssertionError(f"{PAGE.name}, line {example.line_number}: {error}") from error
        if '"dispatch"' in example.text and "ok" in answers[0]:
            job = answers[0]["ok"]["job"]


def test_every_op_has_an_example() -> None:
    shown = {json.loads(e.text).get("op") for e in examples(PAGE) if not e.shell and e.text.startswith("{")}
    assert shown == {struct.__struct_config__.tag for struct in get_args(Request)}
