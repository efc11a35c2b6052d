"""How a job is to work, where that is not the plain way: part of its spec."""

from __future__ import annotations

import msgspec


class Manner(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """How a job is to work, where that is not the plain way.

    worktree: in a git worktree of its own. ask: its agent may ask, and waits for an answer.
    """

    worktree: bool = False
    ask: bool = False
