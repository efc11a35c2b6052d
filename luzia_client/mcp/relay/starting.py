"""Starts the hub when none is listening. However many relays do so at the same time, one hub stays."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time

from luzia_protocol import environment

READY_TIMEOUT_S = 20.0


class HubUnavailableError(Exception):
    """No hub is listening, and none could be started; the words say why and what to do."""


def start_hub(path: str, daemon_socket: str) -> None:
    """Start a hub that listens on a socket. When this returns, it or another one does.

    Raises HubUnavailableError.
    """
    from luzia_client.transport.autostart import daemon_environment

    argv = [sys.executable, "-m", "luzia_client.mcp.hub", "--socket", path, "--on-demand"]
    reading, writing = os.pipe()
    try:
        log = _open_log()
        try:
            process = subprocess.Popen(
                [*argv, "--ready-fd", str(writing)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=daemon_environment(daemon_socket),
                start_new_session=True,
                pass_fds=[writing],
            )
        except OSError as exc:
            raise HubUnavailableError(f"cannot run the MCP hub: {argv[0]}: {exc.strerror}") from exc
        finally:
            os.close(log)
            os.close(writing)
        words = _read_line(reading)
    finally:
        os.close(reading)
    if words != "ready":
        raise HubUnavailableError(words or _describe_end(process))


def log_file() -> str:
    """The log of a hub that a relay has started."""
    return os.path.join(environment.state_dir(), "mcp.log")


def _open_log() -> int:
    path = log_file()
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise HubUnavailableError(
            f"cannot write the log of the MCP hub {path}: {exc.strerror}; make its directory writable,"
            " or set LUZIA_STATE_DIR"
        ) from exc


def _read_line(reading: int) -> str:
    """What the hub says once it listens or gives up; empty if it ended or took too long."""
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    deadline = time.monotonic() + READY_TIMEOUT_S
    data = b""
    while b"\n" not in data:
        if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
            break
        more = os.read(reading, 4096)
        if not more:
            break
        data += more
    return data.decode(errors="replace").partition("\n")[0]


def _describe_end(process: subprocess.Popen[bytes]) -> str:
    status = process.poll()
    how = f"is not ready after {READY_TIMEOUT_S:.0f} s" if status is None else f"exited with status {status}"
    return f"the MCP hub (pid {process.pid}) {how}; see its log {log_file()}"
