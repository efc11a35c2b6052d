"""The daemon's exceptions, by who must act.

    LuziadError
      ConfigError        the operator: the configuration is wrong; `mistakes` lists every one
      StartupError       the operator: the daemon cannot start here (directory, lock, socket, store)
      StorageError       the operator: the store cannot be written now; retried until it can
      StoreDamagedError  the operator: the store cannot be read
        EnvironmentsDamagedError   the same for its second database, with the variables of jobs
      StoreTooNewError   the operator: the store was written by a newer luzia

A request that cannot be fulfilled raises luzia_protocol.errors.Refused: the client must act.
"""

from __future__ import annotations


class LuziadError(Exception):
    """The base class of the daemon's exceptions."""


class ConfigError(LuziadError):
    """The configuration is wrong. `mistakes` holds one sentence each, with file, line and key."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class StartupError(LuziadError):
    """The daemon cannot start; the message says why and what to do."""


class StorageError(LuziadError):
    """A write to the store failed; the transaction was rolled back. remedy: empty when it is free space."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class StoreDamagedError(LuziadError):
    """The store is damaged and cannot be read."""


class EnvironmentsDamagedError(StoreDamagedError):
    """The database with the variables of jobs cannot be read; the jobs themselves can."""


class StoreTooNewError(LuziadError):
    """The store has the schema of a newer luzia; it is left unchanged."""
