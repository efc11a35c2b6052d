"""What a user hears when git could not do it, or luzia would not."""

from __future__ import annotations


class TreeError(Exception):
    """Nothing was changed. message: why. hint: what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
