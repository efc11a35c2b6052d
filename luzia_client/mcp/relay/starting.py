"""Starts the hub when none is listening. However many relays do so at the same time, one hub stays."""

from __future__ import annotations

import os
import subprocess
import sys

from luzia_protocol.regular_files import open_regular

READY_TIMEOUT_S = 20.0
_END_S = 1.0
"""How long it may take a process to end after it has closed its files."""


class HubUnavailableError(Exception):
    """No hub is listening, and none could be started; the words say why and what to do."""


def start_hub(path: str, daemon_socket: str) -> None:
    """Start a hub that listens on a socket. When this returns, it or another one does.

    Raises HubUnavailableError.
    """
    from luzia_client.transport.autostart import daemon_environment
    from luzia_client.transport.background import start_server

    argv = [sys.executable, "-m", "luzia_client.mcp.hub", "--socket", path, "--on-demand"]
    log = _open_log(path)
    try:
        process, line = start_server(argv, (), log, daemon_environment(daemon_socket), READY_TIMEOUT_S)
    except OSError as exc:
        raise HubUnavailableError(f"cannot run the MCP hub: {argv[0]}: {exc.strerror}") from exc
    finally:
        os.close(log)
    if line != "ready":
        raise HubUnavailableError(line or _describe_end(process, path))


def log_file(path: str) -> str:
    """The log of a hub that a relay has started, beside its socket: a job knows no other directory of luzia's."""
    return f"{path.removesuffix('.sock')}.log"


def _open_log(path: str) -> int:
    log = log_file(path)
    try:
        os.makedirs(os.path.dirname(log), mode=0o700, exist_ok=True)
        return open_regular(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    except OSError as exc:
        raise HubUnavailableError(
            f"cannot write the log of the MCP hub {log}: {exc.strerror}; make its directory writable,"
            " or set LUZIA_RUNTIME_DIR"
        ) from exc


def _describe_end(process: subprocess.Popen[bytes], path: str) -> str:
    try:
        status: int | None = process.wait(_END_S)
    except subprocess.TimeoutExpired:
        status = None
    how = f"is not ready after {READY_TIMEOUT_S:.0f} s" if status is None else f"exited with status {status}"
    return f"the MCP hub (pid {process.pid}) {how}; see its log {log_file(path)}"
