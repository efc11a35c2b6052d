"""Decides who may connect, and how many connections may be open."""

from __future__ import annotations

import grp
import logging
import os
import pwd
import socket
import struct
from collections import Counter
from typing import NamedTuple

from luzia_protocol.errors import ErrorCode, Refused

log = logging.getLogger("luziad.admission")

GROUP = "luzia"
RESERVED_CONNECTIONS = 16
"""Connections beyond all limits for the daemon's owner and root, who can always connect for short requests."""


class ConnectionLimits(NamedTuple):
    """connections: of all users. per_uid: of one user. open_files: as many as the limit of open files allows."""

    connections: int
    per_uid: int
    open_files: int


class AdmissionDecision(NamedTuple):
    """uid, pid: the peer's. refused: why it may not stay. is_reserved: it may, but only for short requests."""

    uid: int
    pid: int
    refused: Refused | None = None
    is_reserved: bool = False


class AdmissionControl:
    """Admits connections, and counts those that are not reserved.

    shared: members of the group luzia may use this daemon, too.
    """

    def __init__(self, limits: ConnectionLimits, *, shared: bool) -> None:
        self._limits = limits
        self._group = group_id() if shared else None
        self._open: Counter[int] = Counter()

    def admit(self, peer: socket.socket) -> AdmissionDecision:
        """Decide about a connection. One that is not refused counts until `release`."""
        pid, uid, gid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        is_privileged = uid in (os.geteuid(), 0)
        if not is_privileged and not self._in_group(uid, gid):
            log.warning("peer_refused uid=%d", uid)
            return AdmissionDecision(
                uid, pid, Refused(ErrorCode.NOT_ALLOWED, f"user {user_name(uid)} may not use this daemon")
            )
        refused = self._exceeded_limit(uid)
        if refused is None:
            self._open[uid] += 1
            return AdmissionDecision(uid, pid)
        return AdmissionDecision(uid, pid, refused, is_reserved=is_privileged)

    def release(self, decision: AdmissionDecision) -> None:
        """The connection is closed."""
        if decision.refused is None:
            self._open[decision.uid] -= 1
            if not self._open[decision.uid]:
                del self._open[decision.uid]

    def _exceeded_limit(self, uid: int) -> Refused | None:
        connections, per_uid, open_files = self._limits
        total, own = self._open.total(), self._open[uid]
        if own >= per_uid:
            message = f"open connections of user {user_name(uid)}: {own}; the limit per user is {per_uid}"
            hint = "Close idle clients, or raise `max_connections_per_uid` in [daemon]."
            return Refused(ErrorCode.TOO_MANY_CONNECTIONS, message, hint)
        if total >= connections:
            return Refused(ErrorCode.TOO_MANY_CONNECTIONS, f"open connections: {total}; the limit is {connections}")
        if total >= open_files:
            message = f"open connections: {total}; the limit of open files allows no more"
            hint = "Close idle clients, or raise the limit: `ulimit -n`, or LimitNOFILE= of the service."
            return Refused(ErrorCode.TOO_MANY_CONNECTIONS, message, hint)
        return None

    def _in_group(self, uid: int, gid: int) -> bool:
        if self._group is None:
            return False
        try:
            return self._group in os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
        except KeyError:
            return gid == self._group


def group_id() -> int | None:
    """The group whose members may use the system service; None when it does not exist."""
    try:
        return grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return None


def user_name(uid: int) -> str:
    """The user's name, or the user id if there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
