"""Reaches the daemons of other hosts through the user's own ssh.

`settings` names the hosts, `ssh` has the options of its commands, `link` starts and ends a link, and `far_side` is what
runs there. One link a host forwards the socket of the daemon there. It carries bytes only: what is said over it is the
business of the packages above.
"""

from __future__ import annotations

from luzia_protocol.errors import LuziaError


class HostError(LuziaError):
    """A host cannot be used: it is not configured, or not reachable, or has no luzia that this one can talk to."""

    code = "host_unreachable"
