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
from typing import Any, ClassVar, TextIO

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
        return self.line(record.created, record.levelname.lower(), record.name, record.message)

    def line(self, created: float, level: str, name: str, message: str) -> str:
        """One line of printable characters."""
        line = self.compose(created, level, name, message)
        if line.isprintable():
            return line
        return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)

    def compose(self, created: float, level: str, name: str, message: str) -> str:
        """The line, before it is made printable. Many lines are of the same second."""
        second = int(created)
        if second != self._second:
            self._second, self._second_as_text = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._second_as_text}.{int(created % 1 * 1000):03d}Z {level} {name} {message}"

    def information(self, name: str, message: str) -> str:
        """A whole line of the level info, now."""
        return self.line(time.time(), "info", name, message)


class JournalFormatter(Formatter):
    """Formats a record as one line of the journal, or several for a traceback, each with the priority."""

    def compose(self, created: float, level: str, name: str, message: str) -> str:
        """The line without the time, before it is made printable."""
        return f"{name} {message}"

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{_PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in super().format(record).split("\n"))

    def information(self, name: str, message: str) -> str:
        return f"<{_PRIORITIES[logging.INFO]}>{super().information(name, message)}"


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
            self._add(self.format(record))
            if record.levelno >= logging.WARNING or not self._flushes_later():
                self.flush()
        except Exception:  # as logging does it: an error of the log ends nothing else
            self.handleError(record)

    def add(self, line: str) -> None:
        """Write a line at the end of this turn of the event loop, or at once where none is running."""
        with self.lock or nullcontext():
            self._add(line)
        if not self._flushes_later():
            self._flush_turn()

    def _add(self, line: str) -> None:
        self._lines.append(line)
        self._unchecked += len(line)

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


class EventLog:
    """Logs what happens thousands of times a second, on the level info: in a fraction of the time of logging.

    name: the logger's.
    """

    _handler: ClassVar[StderrHandler | None] = None
    _formatter: ClassVar[Formatter] = Formatter()

    def __init__(self, name: str) -> None:
        self._name = name
        self._log = logging.getLogger(name)

    @classmethod
    def write_to(cls, handler: StderrHandler, formatter: Formatter) -> None:
        """Write to this handler; before that, logging has the lines."""
        cls._handler, cls._formatter = handler, formatter

    def info(self, message: str) -> None:
        """Log a message, with its fields in it."""
        if not self._log.isEnabledFor(logging.INFO):
            return
        if self._handler is None:
            self._log.info("%s", message)
        else:
            self._handler.add(self._formatter.information(self._name, message))


def set_up(level: str, own_file: str) -> None:
    """Log to stderr, from this level upward. own_file: the log file of an autostarted daemon."""
    logging._srcfile = None  # "Optimization" in the logging HOWTO of Python
    logging.setLogRecordFactory(Record)
    handler = StderrHandler(own_file)
    formatter = JournalFormatter() if is_journal() else Formatter()
    handler.setFormatter(formatter)
    EventLog.write_to(handler, formatter)
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
