"""Questions to the user at the terminal."""

from __future__ import annotations

import sys


def ask(question: str, *, on_stdout: bool = False) -> str | None:
    """Print the question and return the line that the user types, without blanks around it; None at the end of input.

    on_stdout: print it there instead of on stderr. Where the user types no line, what is printed next begins on one of
    its own, also after Ctrl-C, which raises KeyboardInterrupt.
    """
    stream = sys.stdout if on_stdout else sys.stderr
    stream.write(question)
    stream.flush()
    line = ""
    try:
        line = sys.stdin.readline()
    finally:
        if not line.endswith("\n"):
            stream.write("\n")
            stream.flush()
    return line.strip() if line else None


def agrees(question: str) -> bool:
    """Whether the user says yes; the end of input is no."""
    return (ask(f"{question} [y/N] ") or "").lower() in ("y", "yes")
