"""Where the server listens, and which addresses, keys and proxies make that safe."""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
from urllib.parse import urlsplit

import msgspec

from luzia_client.api.errors import ArgumentError
from luzia_client.web.access import Access

BACKLOG = 128
FIRST_INHERITED = 3
"""The first descriptor that systemd passes, by sd_listen_fds(3)."""


class Options(msgspec.Struct, frozen=True):
    """Where to listen and what to require. proxy: `NAME=VALUE` of the header that the proxy in front adds."""

    host: str = "127.0.0.1"
    port: int = 0
    unix: str | None = None
    origin: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    proxy: str | None = None
    read_only: bool = False


def check_options(options: Options) -> None:
    """Refuse what would be open to others. Raises ArgumentError."""
    if (options.tls_cert is None) is not (options.tls_key is None):
        raise ArgumentError("--tls-cert and --tls-key belong together", "Give both.")
    if options.proxy is not None and "=" not in options.proxy.lstrip("="):
        raise ArgumentError(f"--behind-proxy {options.proxy}: no value", "Write NAME=VALUE of the proxy's header.")
    if options.unix is None and not is_loopback(options.host) and options.tls_cert is None and options.proxy is None:
        raise ArgumentError(
            f"{options.host} is not a loopback address",
            "Give --tls-cert and --tls-key, or --behind-proxy with a header that the proxy adds; or use `ssh -L`.",
        )
    if options.origin is not None:
        _check_origin(options.origin)
    elif options.unix is not None or options.proxy is not None or not is_loopback(options.host):
        raise ArgumentError("no --origin", "Give the address by which browsers reach it: --origin https://NAME")


def _check_origin(origin: str) -> None:
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
        raise ArgumentError(f"invalid --origin {origin}", "Write https://NAME or https://NAME:PORT, and nothing else.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ArgumentError(f"--origin {origin} is not encrypted", "Use https, except for localhost.")


def is_loopback(host: str) -> bool:
    """Whether a name or an address is that of this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def open_socket(options: Options) -> socket.socket:
    """The listening socket: that of systemd if it passes one. Raises OSError and ArgumentError."""
    listening = _inherited() or (_open_tcp(options) if options.unix is None else _open_unix(options.unix))
    listening.listen(BACKLOG)
    return listening


def _open_tcp(options: Options) -> socket.socket:
    host = "127.0.0.1" if options.host == "localhost" else options.host
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # With its protocol: asyncio sets TCP_NODELAY only then, without which a reply can wait 40 ms for an ACK.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, options.port))
    except (OSError, OverflowError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "a port is a number from 0 to 65535"
        raise ArgumentError(
            f"cannot listen on {host} port {options.port}: {reason}", "Choose another port with --port."
        ) from exc
    return listening


def _open_unix(path: str) -> socket.socket:
    """A Unix socket, in place of one on which no one listens."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        if os.path.lexists(path) and stat.S_ISSOCK(os.lstat(path).st_mode) and not _answers(path):
            os.unlink(path)
        listening.bind(path)
    except OSError as exc:
        listening.close()
        raise ArgumentError(
            f"cannot listen on {path}: {exc.strerror or exc}", "Choose another path with --unix."
        ) from exc
    finally:
        os.umask(before)
    return listening


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as connected:
        return connected.connect_ex(path) == 0


def _inherited() -> socket.socket | None:
    """The socket that systemd passes, by sd_listen_fds(3)."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    return socket.socket(fileno=FIRST_INHERITED)


def access_of(options: Options, listening: socket.socket) -> Access:
    """The rules for the requests that come to a socket. Raises ArgumentError for an inherited one that is open."""
    header = None
    if options.proxy is not None:
        name, _, value = options.proxy.partition("=")
        header = (name.lower(), value)
    if options.origin is not None:
        return Access((options.origin,), header, options.read_only)
    if listening.family == socket.AF_UNIX or not is_loopback(listening.getsockname()[0]):
        raise ArgumentError("socket activation requires --origin", "Add --origin https://NAME to the unit.")
    scheme = "http" if options.tls_cert is None else "https"
    address, port = listening.getsockname()[:2]
    names = (f"[{address}]" if ":" in address else address, "localhost")
    return Access(tuple(f"{scheme}://{name}:{port}" for name in names), header, options.read_only)
