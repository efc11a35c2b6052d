"""The daemon's log on stderr: one line for each action, `time level logger action fields`. Never a secret."""

from __future__ import annotations

import logging
import sys
import time

LEVELS = ("debug", "info", "warning", "error")


class _Formatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the fields hold; tracebacks keep their lines."""
        record.levelname = record.levelname.lower()
        return super().format(record)


def set_up(level: str) -> None:
    """Log to stderr, from this level upward."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
