"""The daemon's exceptions, split by who must act.

    LuziadError
      ConfigError        the operator: the configuration is wrong; `mistakes` lists every one
      StartupError       the operator: the daemon cannot start here (directory, lock, socket, store)
      StorageError       the operator: the store cannot be written now; retried until it can
      StoreDamagedError  the operator: the store cannot be read
        EnvironmentsDamagedError   the same of its second database, with the variables of jobs
      StoreTooNewError   the operator: the store was written by a newer luzia

A request that cannot be done raises luzia_protocol.errors.Refused: there the client must act.
"""

from __future__ import annotations


class LuziadError(Exception):
    """The root: everything that the daemon raises on purpose."""


class ConfigError(LuziadError):
    """The configuration is wrong. `mistakes` holds one sentence each, with file, line and key."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class StartupError(LuziadError):
    """The daemon cannot start here; the message says why and what to do."""


class StorageError(LuziadError):
    """A write to the store failed; nothing of the transaction is in it."""


class StoreDamagedError(LuziadError):
    """The store cannot be read as the database that it should be."""


class EnvironmentsDamagedError(StoreDamagedError):
    """The database with the variables of jobs cannot be read; the jobs themselves can."""


class StoreTooNewError(LuziadError):
    """The store has a schema of a newer luzia; it is left untouched."""
