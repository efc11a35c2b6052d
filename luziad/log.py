"""The daemon's log on stderr: one line for each action, `time level logger action fields`. Never a secret.

In systemd's journal, which records the time and the priority itself, a line is `<priority>logger action fields`
(sd-daemon(3)).
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from contextlib import nullcontext
from typing import Any, TextIO

MAX_LOG_BYTES = 16 * 1024 * 1024
_CHECKS = 256
"""How often the size of the file is looked at until it is full."""
LEVELS = ("debug", "info", "warning", "error")
_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


class Record(logging.LogRecord):
    """A record of what a line shows, and no more: the place of the call is not worked out for each."""

    def __init__(
        self, name: str, level: int, _path: str, _number: int, msg: object, args: Any, exc_info: Any, *_rest: Any
    ) -> None:
        # What a caller gives as one dictionary is the fields by name, as everywhere in logging.
        self.args = args[0] if len(args) == 1 and args[0] and isinstance(args[0], dict) else args
        self.name, self.msg = name, msg
        self.levelno, self.levelname = level, logging.getLevelName(level)
        self.created = time.time()
        self.msecs = self.created % 1 * 1000
        self.exc_info, self.exc_text, self.stack_info = exc_info, None, None


class Formatter(logging.Formatter):
    """Formats a record as one line."""

    _second = -1
    _second_as_text = ""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """One line, whatever the fields hold; tracebacks, which are added after it, keep their lines."""
        line = self.compose(record)
        if line.isprintable():
            return line
        return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)

    def compose(self, record: logging.LogRecord) -> str:
        """The line, before it is made printable. Many lines are of the same second."""
        second = int(record.created)
        if second != self._second:
            self._second, self._second_as_text = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        time_text = f"{self._second_as_text}.{int(record.msecs):03d}Z"
        return f"{time_text} {record.levelname.lower()} {record.name} {record.message}"


class JournalFormatter(Formatter):
    """Formats a record as one line of the journal, or several for a traceback, each with the priority."""

    def compose(self, record: logging.LogRecord) -> str:
        """The line without the time, before it is made printable."""
        return f"{record.name} {record.message}"

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{_PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in super().format(record).split("\n"))


class StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to stderr: the lines of one turn of the event loop together, but a warning or an error at once.

    When stderr is the log file of an autostarted daemon, the file is rotated by its size.

    path: where that file would be. max_bytes: its size when it gets the suffix `.1`, in place of the one before it.
    """

    def __init__(self, path: str, max_bytes: int = MAX_LOG_BYTES) -> None:
        super().__init__(sys.stderr or os.fdopen(2, "w", closefd=False))  # None: it was closed at the start
        self._path = path
        self._max_bytes = max_bytes
        self._unchecked = 0
        self._lines: list[str] = []
        self._will_flush = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, now or at the end of this turn, and rotate the file when it is full."""
        try:
            line = self.format(record)
            self._lines.append(line)
            self._unchecked += len(line)
            if record.levelno >= logging.WARNING or not self._flushes_later():
                self.flush()
        except Exception:  # as logging does it: an error of the log ends nothing else
            self.handleError(record)

    def flush(self) -> None:
        """Write what has been collected. Raises OSError."""
        with self.lock or nullcontext():
            lines, self._lines = self._lines, []
            if lines:
                self.stream.write("\n".join(lines) + "\n")
            self.stream.flush()
            if self._unchecked >= self._max_bytes // _CHECKS:
                self._unchecked = 0
                if os.fstat(self.stream.fileno()).st_size >= self._max_bytes:
                    self._rotate()

    def _flushes_later(self) -> bool:
        """Whether the lines are written by the event loop of this thread, which is asked for it once."""
        if not self._will_flush:
            try:
                asyncio.get_running_loop().call_soon(self._flush_turn)
            except RuntimeError:  # there is no loop, or it is closed
                return False
            self._will_flush = True
        return True

    def _flush_turn(self) -> None:
        self._will_flush = False
        try:
            self.flush()
        except (OSError, ValueError):  # the disk is full, or stderr is closed: there is no place to say it
            self._lines.clear()

    def _rotate(self) -> None:
        """Write to a new file, with everything that writes to stdout or stderr. Raises OSError."""
        number = self.stream.fileno()
        if not os.path.exists(self._path) or not os.path.samestat(os.stat(self._path), os.fstat(number)):
            return  # stderr is something else: the file of a supervisor
        with_stdout = os.path.samestat(os.fstat(1), os.fstat(number))
        os.rename(self._path, f"{self._path}.1")
        new = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.dup2(new, number)
        if with_stdout:
            os.dup2(new, 1)
        os.close(new)


def set_up(level: str, own_file: str) -> None:
    """Log to stderr, from this level upward. own_file: the log file of an autostarted daemon."""
    logging._srcfile = None  # "Optimization" in the logging HOWTO of Python
    logging.setLogRecordFactory(Record)
    handler = StderrHandler(own_file)
    handler.setFormatter(JournalFormatter() if is_journal() else Formatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def is_journal() -> bool:
    """Whether stderr is a stream of systemd's journal, which JOURNAL_STREAM tells (systemd.exec(5))."""
    try:
        status = os.fstat(2)
    except OSError:
        return False  # it is closed
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def print_error(message: str) -> None:
    """Print on stderr why the program ends, after what has been logged."""
    for handler in logging.root.handlers:
        handler.flush()
    print(f"{'<3>' if is_journal() else ''}luziad: {message}", file=sys.stderr)
