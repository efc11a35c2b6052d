"""The one-use tokens that links carry, and the sessions that browsers get for them.

Tokens exist in memory only. Sessions are kept in a file, as hashes, so that a restarted server knows them.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import time
from collections import deque
from collections.abc import Callable

import msgspec

from luzia_client.web.access import SESSION_S
from luzia_client.web.errors import WebError

TOKEN_S = 60.0
"""How long the token of a link can be used."""
MAX_TOKENS = 32
MAX_SESSIONS = 256
MAX_ATTEMPTS = 10
"""How many wrong tokens are accepted in ATTEMPTS_S seconds before all tokens are refused."""
ATTEMPTS_S = 60.0


class Session:
    """A session of a browser. expires_at: by the wall clock. ended: set when it has been ended."""

    def __init__(self, key: str, expires_at: float) -> None:
        self.key = key
        self.expires_at = expires_at
        self.ended = asyncio.Event()


class Credentials:
    """Tokens and sessions. path: the file of the sessions. clock: seconds by the wall clock."""

    def __init__(self, path: str, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._tokens: dict[str, float] = {}
        self._failures: deque[float] = deque()
        self._sessions = self._read()

    def make_token(self) -> str:
        """A token that starts one session within TOKEN_S seconds."""
        now = self._clock()
        self._tokens = {key: until for key, until in self._tokens.items() if until > now}
        while len(self._tokens) >= MAX_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        token = secrets.token_urlsafe(32)
        self._tokens[_hash(token)] = now + TOKEN_S
        return token

    def start_session(self, token: str) -> str:
        """Use up a token; returns the secret of a new session, which only the browser has. Raises WebError."""
        now = self._clock()
        while self._failures and self._failures[0] <= now - ATTEMPTS_S:
            self._failures.popleft()
        if len(self._failures) >= MAX_ATTEMPTS:
            raise WebError(429, "too_many_attempts", "too many invalid tokens", "Wait a minute, then open a new link.")
        if self._tokens.pop(_hash(token), 0.0) <= now:
            self._failures.append(now)
            raise WebError(
                401,
                "invalid_token",
                "the link has expired or has been used",
                "Run `luzia web url` for another one.",
            )
        secret = secrets.token_urlsafe(32)
        self._forget_expired(now)
        while len(self._sessions) >= MAX_SESSIONS:
            self._end(next(iter(self._sessions.values())))
        session = Session(_hash(secret), now + SESSION_S)
        self._sessions[session.key] = session
        self._write()
        return secret

    def find_session(self, secret: str) -> Session | None:
        """The session with this secret, if it has not ended."""
        session = self._sessions.get(_hash(secret)) if secret else None
        if session is None or session.expires_at <= self._clock():
            return None
        return session

    def remaining_s(self, session: Session) -> float:
        """Seconds until a session expires."""
        return session.expires_at - self._clock()

    def end_session(self, session: Session) -> None:
        """End a session: its streams end, and its cookie is worth nothing."""
        self._end(session)
        self._write()

    def end_all(self) -> int:
        """End all sessions, and make all tokens invalid; returns how many sessions there were."""
        self._tokens.clear()
        self._forget_expired(self._clock())
        ended = [*self._sessions.values()]
        for session in ended:
            self._end(session)
        self._write()
        return len(ended)

    def _end(self, session: Session) -> None:
        self._sessions.pop(session.key, None)
        session.ended.set()

    def _forget_expired(self, now: float) -> None:
        for session in [each for each in self._sessions.values() if each.expires_at <= now]:
            self._end(session)

    def _read(self) -> dict[str, Session]:
        """The sessions of an earlier server. A file that is missing or corrupt has none: browsers need a new link."""
        try:
            with open(self._path, "rb") as file:
                stored = msgspec.json.decode(file.read(), type=dict[str, float])
        except (OSError, msgspec.DecodeError, msgspec.ValidationError):
            return {}
        now = self._clock()
        return {key: Session(key, until) for key, until in stored.items() if now < until <= now + SESSION_S}

    def _write(self) -> None:
        stored = {session.key: session.expires_at for session in self._sessions.values()}
        temporary = f"{self._path}.new"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.encode(stored))
        os.replace(temporary, self._path)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
