"""A short soak; `make soak` is the long one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def test_after_a_short_soak_everything_is_where_it_began() -> None:
    command = [sys.executable, "-m", "chaos.soak", "--jobs", "60", "--warm-up", "20", "--slots", "8"]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    done = subprocess.run([*command, "--restart-every", "0.7"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
