"""Process trees, read from real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from luziad.supervise import tree
from support import eventually

NESTED = "import subprocess, time; subprocess.Popen(['sleep', '600']); time.sleep(600)"
THREADED = """
import subprocess, threading, time
threading.Thread(target=lambda: (subprocess.Popen(['sleep', '600']), time.sleep(600))).start()
"""


@pytest.fixture(params=[NESTED, THREADED])
def parent(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A process with one child, which the main thread or another one has started."""
    process = subprocess.Popen([sys.executable, "-c", request.param], start_new_session=True)
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_descendants_are_found_however_deep(parent: subprocess.Popen[bytes]) -> None:
    found = eventually(lambda: tree.descendants(parent.pid))
    assert [(each.parent, each.session) for each in found] == [(parent.pid, parent.pid)]
    assert [each.pid for each in tree.below(os.getpid(), tree.processes()) if each.session == parent.pid] == [
        parent.pid,
        found[0].pid,
    ]


def test_both_ways_of_finding_descendants_agree(parent: subprocess.Popen[bytes]) -> None:
    eventually(lambda: tree.descendants(parent.pid))
    whole = {each.pid for each in tree.below(parent.pid, tree.processes())}
    assert whole == {each.pid for each in tree.descendants(parent.pid)}


def test_a_name_with_parentheses_and_blanks_is_read_right() -> None:
    script = "open('/proc/self/comm', 'w').write('a) S 1 (b'); print(flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    found = tree.read(process.pid)
    process.communicate(b"\n")
    assert found is not None
    assert (found.parent, found.pid) == (os.getpid(), process.pid)


def test_a_process_that_is_gone_is_told_as_none() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert tree.read(process.pid) is None
    assert tree.start_time(process.pid) is None
    assert tree.descendants(process.pid) == []
