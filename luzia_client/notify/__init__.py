"""Tells people what happened to their jobs, where they are: `luzia notify`.

A separate process that listens to the daemon's events. Each message is sent by a process of its own, which alone
imports Apprise (`pip install luzia[notify]`).
"""

from __future__ import annotations

from luzia_protocol.errors import LuziaError


class NotifyError(LuziaError):
    """The settings or the files of `luzia notify` cannot be used."""
