"""Who may use the server: the origins by which it is reached, and what a proxy adds to each request. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

import msgspec

SESSION_S = 24 * 3600.0
"""How long a session lasts, from its start."""


class Access(msgspec.Struct, frozen=True):
    """The rules for every request.

    origins: those of the page, such as `http://127.0.0.1:8000`; the first one is that of the links.
    header: the name, in lower case, and the value of a header that the proxy in front adds to each request.
    read_only: refuse all that changes something.
    """

    origins: tuple[str, ...]
    header: tuple[str, str] | None = None
    read_only: bool = False

    @property
    def is_secure(self) -> bool:
        """Whether the browser uses TLS, so that the cookie must never be sent without it."""
        return self.origins[0].startswith("https://")

    @property
    def cookie(self) -> str:
        """The name of the session's cookie: cookies are shared by all ports of a host, and by TLS a host locks it."""
        port = self.origins[0].rpartition(":")[2].lstrip("/")
        name = f"luzia-{port}" if port.isdecimal() else "luzia"
        return f"__Host-{name}" if self.is_secure else name

    def knows_host(self, host: str) -> bool:
        """Whether a Host header names this server exactly, so that another name for its address is refused."""
        return any(host == origin.partition("://")[2] for origin in self.origins)

    def knows_origin(self, host: str, origin: str) -> bool:
        """Whether an Origin header is that of the page that the Host header names."""
        return origin in self.origins and origin.partition("://")[2] == host

    def is_from_proxy(self, headers: Mapping[str, str]) -> bool:
        """Whether a request has the header of the proxy, if one is required."""
        if self.header is None:
            return True
        name, value = self.header
        return hmac.compare_digest(headers.get(name, "").encode(), value.encode())


class TokenRequest(msgspec.Struct):
    """What the page sends to get a session: the token of its link."""

    token: str


class About(msgspec.Struct):
    """What the page must know of its server.

    expires_in_s: until the session expires. hosts: the names of the other hosts whose jobs it shows.
    """

    version: str
    read_only: bool
    expires_in_s: float
    hosts: list[str] = []
