"""Lets the user write a text in an editor, with notes below a line that end it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from luzia_client.cli.args.errors import UsageError

CUT = "# ------------------------ >8 ------------------------"
CUT_NOTE = "# Do not change the line above. Everything below it is ignored."


def editor_command() -> list[str]:
    """The words of $VISUAL or $EDITOR. Raises UsageError when none is set."""
    words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "")
    if not words:
        raise UsageError("no editor is set", "Set VISUAL or EDITOR.")
    return words


def has_terminal() -> bool:
    """Whether an editor can be shown."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def edited(text: str, notes: Sequence[str]) -> Iterator[bytes]:
    """What the user makes of a text. When the block ends with an error, the text is kept, and its file is named.

    notes: lines that are shown below the text. Raises UsageError when the editor fails.
    """
    command = editor_command()
    fd, path = tempfile.mkstemp(prefix="luzia-", suffix=".md")
    with os.fdopen(fd, "w", errors="surrogateescape") as file:
        file.write("\n".join([text, "", CUT, CUT_NOTE, *(f"# {note}".rstrip() for note in notes), ""]))
    status = subprocess.run([*command, path], check=False).returncode
    with open(path, "rb") as written:
        found = written.read().split(CUT.encode(), 1)[0].strip()
    if status != 0 or not found:
        if not found or found == text.strip().encode():
            os.unlink(path)
        what = f"the editor failed with status {status}" if status else "aborted: the text is empty"
        raise UsageError(what, f"The text is kept in {path}." if os.path.exists(path) else "")
    try:
        yield found
    except BaseException:
        sys.stderr.write(f"The text is kept in {path}.\n")
        raise
    os.unlink(path)
