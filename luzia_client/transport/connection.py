"""One blocking connection to the daemon, which carries lines; knows no message."""

from __future__ import annotations

import contextlib
import select
import socket
import time

from luzia_protocol.framing import MAX_FRAME_BYTES, FrameReader, FrameTooLargeError

from luzia_client.transport import endpoint

_READ_BYTES = 256 * 1024


class Connection:
    """One connection to the daemon, which sends and receives lines."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._frames = FrameReader(MAX_FRAME_BYTES)
        self._lines: list[bytes] = []

    @classmethod
    def open(cls, path: str, *, autostart: bool, resuming: bool = False) -> Connection:
        """A connection to the daemon; the arguments and errors are those of open_socket."""
        return cls(open_socket(path, autostart=autostart, resuming=resuming))

    def send(self, line: bytes) -> None:
        """Send a line, newline included.

        A daemon that refuses the connection or the line says why before it closes. So a broken pipe is an error only
        when nothing is left to read.
        """
        try:
            self._socket.settimeout(endpoint.REQUEST_TIMEOUT_S)
            self._socket.sendall(line)
        except TimeoutError as exc:
            raise endpoint.reply_timeout() from exc
        except OSError as exc:
            self._read(endpoint.REQUEST_TIMEOUT_S)
            if not self._lines:
                raise endpoint.connection_lost() from exc

    def send_ahead(self, line: bytes) -> None:
        """Send a line ahead of the replies to earlier ones, which are read meanwhile: the daemon may wait for that."""
        left = memoryview(line)
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN | select.POLLOUT)
        while left:
            ready = waiting.poll(endpoint.REQUEST_TIMEOUT_S * 1000)
            if not ready:
                raise endpoint.reply_timeout()
            if ready[0][1] & select.POLLIN:
                if not self._read(0.0):
                    raise endpoint.connection_lost()
            else:
                try:
                    left = left[self._socket.send(left, socket.MSG_DONTWAIT) :]
                except BlockingIOError:
                    continue
                except OSError as exc:
                    raise endpoint.connection_lost() from exc

    def receive(self, timeout_s: float | None = None) -> bytes:
        """The next line, without its newline. timeout_s: None waits forever."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._lines:
            remaining = None if deadline is None else max(deadline - time.monotonic(), 0.001)
            if not self._read(remaining):
                raise endpoint.connection_lost()
        return self._lines.pop(0)

    def is_alive(self) -> bool:
        """False when the daemon has closed the connection since the last reply."""
        self._socket.setblocking(False)
        try:
            return not self._lines and self._socket.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self, last: bytes = b"") -> None:
        """Close the connection.

        last: lines that end the streams which are open. Where ssh forwards the connection, the daemon learns only that
        nothing more is sent, and would continue them, and the link would not end, until something is written.
        """
        if last:
            with contextlib.suppress(OSError):  # a connection that is broken or full needs no more
                self._socket.setblocking(False)
                self._socket.send(last)
        self._socket.close()

    def _read(self, timeout_s: float | None) -> bool:
        """Read what has arrived; False at the end of the connection."""
        try:
            self._socket.settimeout(timeout_s)
            data = self._socket.recv(_READ_BYTES)
            self._lines += self._frames.feed(data)
        except TimeoutError as exc:
            raise endpoint.reply_timeout() from exc
        except OSError as exc:
            raise endpoint.connection_lost() from exc
        except FrameTooLargeError as exc:
            raise endpoint.UnexpectedAnswerError("the daemon's reply is longer than 4 MiB") from exc
        return data != b""


def open_socket(path: str, *, autostart: bool, resuming: bool = False) -> socket.socket:
    """A socket connected to the daemon, which is started first when none is listening and `autostart` is set.

    For the daemon of another host, the link to it is what is started.
    resuming: continue an earlier stream; a daemon that was stopped on purpose is then not started again.
    Raises DaemonUnreachableError.
    """
    try:
        return endpoint.connect_socket(path)
    except (OSError, ValueError) as exc:
        if not autostart or not endpoint.is_absent(exc):
            raise endpoint.connect_error(path, exc) from exc
    from luzia_client.hosts import HostError, link, link_files
    from luzia_client.transport.autostart import ensure_daemon

    try:
        if link_files.host_of(path) is not None:
            link.reopen(path)
        else:
            ensure_daemon(path, resuming=resuming)
    except HostError as exc:
        raise endpoint.DaemonUnreachableError(exc.message, exc.hint) from exc
    except (OSError, ValueError) as exc:
        raise endpoint.DaemonUnreachableError(
            f"cannot start luziad: {getattr(exc, 'strerror', None) or exc}", "`luzia doctor` checks the setup."
        ) from exc
    try:
        return endpoint.connect_socket(path)
    except OSError as exc:
        raise endpoint.connect_error(path, exc) from exc
