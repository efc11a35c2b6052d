"""Accepts connections, and turns away those beyond the limits."""

from __future__ import annotations

import asyncio
import functools
import logging
import socket

from luzia_protocol.errors import ErrorCode, Refused

from luziad.handlers.services import Services
from luziad.server.buffers import Buffers
from luziad.server.connection_limits import RESERVED_CONNECTIONS, AdmissionControl, AdmissionDecision, ConnectionLimits
from luziad.server.runtime_dir import is_system
from luziad.server.session import Session, encode_refusal
from luziad.server.spare_memory import SpareMemory
from luziad.turns.turns import Turns

log = logging.getLogger("luziad.listen")

MAX_ACCEPTS_PER_TURN = 16
"""Connections accepted in one turn of the loop, so that a flood of them cannot stall the daemon."""
MAX_REFUSED_SESSIONS = 32
"""Refused peers that get time to read the reason; further ones are closed at once."""
RETRY_ACCEPT_S = 0.1


class Listener:
    """Accepts connections from users who may use this daemon, up to the limits. sessions: filled with those open."""

    def __init__(
        self,
        services: Services,
        turns: Turns,
        limits: ConnectionLimits,
        sessions: set[Session],
        spare_memory: SpareMemory,
    ) -> None:
        self._services = services
        self._turns = turns
        self._spare_memory = spare_memory
        self._buffers = Buffers(self._spare_memory.freed)
        self._admission = AdmissionControl(limits, shared=is_system(services.config.runtime_dir))
        self._sessions = sessions
        self._reserved: dict[Session, None] = {}  # sessions on reserved connections, oldest first
        self._refused: set[Session] = set()
        self._opening: set[asyncio.Task[object]] = set()
        self._loop: asyncio.AbstractEventLoop
        self._listening: socket.socket | None = None
        self._out_of_files = False

    def start(self, listening: socket.socket) -> None:
        """Accept on this socket, and no longer on an earlier one."""
        self._loop = asyncio.get_running_loop()
        if self._listening is not None:
            self._loop.remove_reader(self._listening)
        self._listening = listening
        self._loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Stop accepting, and close all connections; pending output is still sent."""
        if self._listening is not None:
            self._loop.remove_reader(self._listening)
            self._listening = None
        self._spare_memory.close()
        for session in list(self._sessions):
            session.end()

    def _accept(self) -> None:
        for _ in range(MAX_ACCEPTS_PER_TURN):
            if self._listening is None:
                return
            try:
                peer, _ = self._listening.accept()
            except BlockingIOError:
                return
            except OSError as exc:
                self._pause(self._listening, exc)
                return
            self._out_of_files = False
            if self._open_session(peer):
                return  # let a session on a reserved connection run before the next may replace it

    def _pause(self, listening: socket.socket, exc: OSError) -> None:
        """Stop accepting for a short time: out of files or memory. Peers wait in the backlog."""
        if not self._out_of_files:
            log.warning("not_accepting error=%r", exc.strerror)
        self._out_of_files = True
        self._loop.remove_reader(listening)
        self._loop.call_later(RETRY_ACCEPT_S, self._resume)

    def _resume(self) -> None:
        if self._listening is not None:
            self._loop.add_reader(self._listening, self._accept)

    def _open_session(self, peer: socket.socket) -> bool:
        """Open a session for the peer, or turn it away. True when it uses a reserved connection."""
        peer.setblocking(False)
        decision = self._admission.admit(peer)
        refused = None if decision.is_reserved else decision.refused
        if refused is not None and len(self._refused) >= MAX_REFUSED_SESSIONS:
            _turn_away(peer, refused)
            return False
        on_close = functools.partial(self._session_closed, decision)
        session = Session(self._services, self._turns, self._buffers, decision, on_close)
        (self._sessions if refused is None else self._refused).add(session)
        if decision.is_reserved:
            self._free_reserved_connection()
            self._reserved[session] = None
        task = self._loop.create_task(self._open(session, peer))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return decision.is_reserved

    async def _open(self, session: Session, peer: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: session, peer)
        except OSError as exc:
            log.warning("connection_not_opened error=%r", exc.strerror)
            peer.close()
            session.connection_lost(exc)

    def _free_reserved_connection(self) -> None:
        """When all reserved connections are in use, close the oldest idle one, or else the oldest."""
        if len(self._reserved) < RESERVED_CONNECTIONS:
            return
        session = next((each for each in self._reserved if each.is_idle), next(iter(self._reserved)))
        del self._reserved[session]
        message = "all reserved connections are in use, and another client needs this one"
        session.close_with(Refused(ErrorCode.TOO_MANY_CONNECTIONS, message))

    def _session_closed(self, decision: AdmissionDecision, session: Session) -> None:
        self._admission.release(decision)
        self._sessions.discard(session)
        self._refused.discard(session)
        self._reserved.pop(session, None)


def _turn_away(peer: socket.socket, refused: Refused) -> None:
    try:
        peer.send(encode_refusal(refused), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    except OSError as exc:
        log.debug("refusal_not_sent error=%r", exc.strerror)  # it has closed the connection
    peer.close()
