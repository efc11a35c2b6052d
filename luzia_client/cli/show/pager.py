"""Shows what is printed in a pager."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from luzia_client.cli.args.errors import UsageError

DEFAULT = "less"
LESS_OPTIONS = "FRX"
"""Of less, unless the user has set LESS: exit when all fits on a screen, keep colours, and leave the text there."""


@contextmanager
def paged() -> Iterator[None]:
    """Send what the block prints to $LUZIA_PAGER, $PAGER or less, and wait until the user leaves it.

    Raises UsageError when the pager cannot be run.
    """
    command = os.environ.get("LUZIA_PAGER") or os.environ.get("PAGER") or DEFAULT
    env = {"LESS": LESS_OPTIONS, **os.environ}
    try:
        words = shlex.split(command)
        pager = subprocess.Popen(words, stdin=subprocess.PIPE, env=env, encoding="utf-8", errors="backslashreplace")
    except (OSError, ValueError, IndexError) as exc:
        hint = "Set PAGER to a program that is installed, or use --no-pager."
        raise UsageError(f"cannot run the pager '{command}'", hint) from exc
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the pager
    try:
        with contextlib.suppress(BrokenPipeError), redirect_stdout(pager.stdin):  # the user may leave it before the end
            yield
    finally:
        with contextlib.suppress(BrokenPipeError):
            pager.communicate()
        signal.signal(signal.SIGINT, handler)
