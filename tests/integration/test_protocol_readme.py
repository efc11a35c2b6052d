"""What protocol/README.md shows is what a fresh daemon says."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

from luzia_protocol.requests import Request

from integration.protocol_examples import Example, check_answers, examples
from schemas import Traffic, of_op, problem
from support import DEADLINE_S, PrivateDaemon, private_daemon

PAGE = Path(__file__).parents[2] / "protocol" / "README.md"

SOCAT = """#!{python}
# Stands in for `socat [-t S] - UNIX-CONNECT:path`: sends stdin, ends it, and prints what comes.
import shutil, socket, sys
with socket.socket(socket.AF_UNIX) as peer:
    peer.connect(sys.argv[-1].partition(":")[2])
    peer.sendall(sys.stdin.buffer.read())
    peer.shutdown(socket.SHUT_WR)
    shutil.copyfileobj(peer.makefile("rb"), sys.stdout.buffer)
"""


def run_in_shell(daemon: PrivateDaemon, example: Example, programs: Path) -> None:
    """Run a snippet; every line it prints must be an answer that is no error."""
    result = subprocess.run(
        ["sh", "-eu", "-c", example.text],
        env={**daemon.env, "PATH": f"{programs}:{os.environ['PATH']}", "SOCK": daemon.socket},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout
    assert all("ok" in json.loads(line) for line in result.stdout.splitlines())


def ask(daemon: PrivateDaemon, example: Example, job: str) -> list[Any]:
    """Send an example's request on a connection of its own and check the answers."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(DEADLINE_S)
        peer.connect(daemon.socket)
        line = example.text.replace("JOB", job).encode()
        peer.sendall(line)
        lines = iter(peer.makefile(encoding="utf-8").readline, "")
        traffic = Traffic()
        traffic.sent(line)
        # The answer to a dispatch is where JOB comes from, so there it may be anything.
        known = "…" if '"dispatch"' in example.text else job
        answers = check_answers([line.replace("JOB", known) for line in example.answers], lines)
        for answer in answers:
            traffic.received(answer)
        return answers


def run_all(daemon: PrivateDaemon, programs: Path) -> None:
    """Run the examples of the page from top to bottom; the first that differs fails with its line."""
    job = ""
    for example in examples(PAGE):
        try:
            if example.shell:
                run_in_shell(daemon, example, programs)
                continue
            answers = ask(daemon, example, job)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            where = f"{PAGE.name}, line {example.line_number}: {type(error).__name__}: {error}"
            raise AssertionError(f"{where}\n\nthe daemon's log:\n{daemon.log.read_text()}") from error
        if '"dispatch"' in example.text and "ok" in answers[0]:
            job = answers[0]["ok"]["job"]


def test_every_example_works_from_top_to_bottom(tmp_path: Path) -> None:
    socat = tmp_path / "socat"
    socat.write_text(SOCAT.format(python=sys.executable))
    socat.chmod(0o755)
    with private_daemon() as daemon:
        run_all(daemon, tmp_path)
        assert daemon.process is not None
        assert daemon.process.wait(DEADLINE_S) == 0  # the last example ends it


def test_every_request_that_the_page_shows_is_valid() -> None:
    shown = [json.loads(e.text) for e in examples(PAGE) if not e.shell and e.text.startswith("{")]
    wrong = {json.dumps(request): problem(of_op(request["op"], "request"), request) for request in shown}
    assert {request: why for request, why in wrong.items() if why} == {}


def test_every_op_has_an_example() -> None:
    shown = {json.loads(e.text).get("op") for e in examples(PAGE) if not e.shell and e.text.startswith("{")}
    assert shown == {struct.__struct_config__.tag for struct in get_args(Request)}
