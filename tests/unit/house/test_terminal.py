"""The terminal of the tests is one for the program in it."""

from __future__ import annotations

import os
import sys

from terminal import terminal

ECHO = """
import os, signal, sys
def told(*_):
    print("size", *os.get_terminal_size(), flush=True)
signal.signal(signal.SIGWINCH, told)
told()
for line in sys.stdin:
    print("heard", line.strip(), flush=True)
sys.exit(7)
"""


def test_a_program_is_read_typed_to_and_resized() -> None:
    with terminal([sys.executable, "-c", ECHO], os.environ, columns=40, rows=5) as screen:
        screen.shows("size 40 5")
        screen.press("hello", "enter")
        screen.shows("heard hello")
        screen.resize(60, 10)
        screen.shows("size 60 10")
        screen.press("ctrl-d")
        assert screen.ended() == 7
        assert screen.is_as_before()
