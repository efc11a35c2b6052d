"""Who may end an attempt, and who takes the machine down."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from luziad.supervise.machine_shutdown import is_shutdown
from support import ROOT

ASK = """
import sys
sys.path.append(sys.argv[1])
from luziad.supervise.machine_shutdown import is_shutdown
print(is_shutdown(1))
"""


def asked_of(init: str, tmp_path: Path) -> str:
    """What a child says of the init process of its container, a shell with this name."""
    script = tmp_path / "ask.py"
    script.write_text(ASK)
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", '"$1" "$2" "$3"; :', init]
    words = [*unshare, sys.executable, str(script), str(ROOT)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_a_process_outside_of_the_container_takes_it_down() -> None:
    assert is_shutdown(0)


def test_another_process_and_one_that_has_ended_do_not() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert not is_shutdown(os.getpid())
    assert not is_shutdown(ended.pid)


def test_a_manager_of_systemd_does() -> None:
    script = "open('/proc/self/comm', 'w').write('systemd'); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as manager:
        assert manager.stdout is not None
        manager.stdout.readline()
        assert is_shutdown(manager.pid)
        manager.communicate(b"\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be in a new process namespace")
def test_the_init_process_does_unless_it_is_the_daemon(tmp_path: Path) -> None:
    assert asked_of("init", tmp_path) == "True"
    assert asked_of("/usr/bin/luziad", tmp_path) == "False"
