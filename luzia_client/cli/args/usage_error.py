"""The exception for a wrong command line; beside failure.py, which needs more, for what must be quick."""

from __future__ import annotations


class UsageError(Exception):
    """The command line is wrong. message: what. hint: how it is right."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
