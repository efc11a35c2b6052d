"""Who may connect, and how many at once."""

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
RESERVE = 16
"""Places beyond all limits for the daemon's owner and root, so that whoever is in charge always gets in to look."""


class Limits(NamedTuple):
    """connections: at once. per_uid: of one user. open_files: what the system's limit of open files leaves of them."""

    connections: int
    per_uid: int
    open_files: int


class Admission(NamedTuple):
    """uid: the peer's. refused: why it may not stay; with `brief`, why it has a place for short requests only."""

    uid: int
    refused: Refused | None = None
    brief: bool = False


class Doorkeeper:
    """Admits connections, and counts all that are not of the reserve.

    shared: members of the group luzia may use this daemon too.
    """

    def __init__(self, limits: Limits, *, shared: bool) -> None:
        self._limits = limits
        self._group = group_id() if shared else None
        self._open: Counter[int] = Counter()

    def admit(self, peer: socket.socket) -> Admission:
        """Decide about a connection. One that is not refused is counted until it is told to `leave`."""
        _, uid, gid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        in_charge = uid in (os.geteuid(), 0)
        if not in_charge and not self._in_group(uid, gid):
            log.warning("peer_refused uid=%d", uid)
            return Admission(uid, Refused(ErrorCode.NOT_ALLOWED, f"user {user_name(uid)} may not use this daemon"))
        limit = self._limit_met(uid)
        if limit is None:
            self._open[uid] += 1
            return Admission(uid)
        return Admission(uid, limit, brief=in_charge)

    def leave(self, admission: Admission) -> None:
        """The connection is gone."""
        if admission.refused is None:
            self._open[admission.uid] -= 1
            if not self._open[admission.uid]:
                del self._open[admission.uid]

    def _limit_met(self, uid: int) -> Refused | None:
        connections, per_uid, open_files = self._limits
        taken, own = self._open.total(), self._open[uid]
        if own >= per_uid:
            message = f"user {user_name(uid)} has {own} connections, and {per_uid} is the limit for one user"
            hint = "Close idle clients, or raise `max_connections_per_uid` in [daemon]."
            return Refused(ErrorCode.TOO_MANY_CONNECTIONS, message, hint)
        if taken >= connections:
            return Refused(ErrorCode.TOO_MANY_CONNECTIONS, f"{taken} connections are open, which is the limit")
        if taken >= open_files:
            message = f"{taken} connections are open, and the limit of open files leaves room for no more"
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
    """The group whose members may use the system service, where there is one."""
    try:
        return grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return None


def user_name(uid: int) -> str:
    """The user's name, or the number of one without."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
