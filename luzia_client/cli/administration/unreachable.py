"""A daemon that runs and does not reply: its lock leads to its process."""

from __future__ import annotations

from luzia_protocol import environment
from luzia_protocol.replies import DaemonInfo

from luzia_client.api.client import Client
from luzia_client.transport.daemon_process import DaemonProcess, find_daemon
from luzia_client.transport.endpoint import ConnectionLostError, DaemonUnreachableError


def get_info(client: Client) -> DaemonInfo:
    """The status of the daemon. Raises DaemonUnreachableError, which says whether one is running."""
    daemon = find_daemon()
    if daemon is not None and daemon.is_suspended:
        raise DaemonUnreachableError(*daemon.problem(environment.socket_path()))
    try:
        return client.get_info()
    except ConnectionLostError:
        raise
    except DaemonUnreachableError as exc:
        daemon = find_daemon()
        if daemon is None:
            raise
        raise DaemonUnreachableError(*daemon.problem(environment.socket_path())) from exc


def find_unreachable(problem: DaemonUnreachableError) -> DaemonProcess | None:
    """The process of the daemon that does not reply, None when none is running.

    problem: what get_info has raised. Raises DaemonUnreachableError for a daemon of other directories.
    """
    daemon, socket = find_daemon(), environment.socket_path()
    if daemon is None and isinstance(problem, ConnectionLostError):
        raise problem
    if daemon is not None and daemon.socket not in ("", socket):
        raise DaemonUnreachableError(*daemon.problem(socket))
    return daemon


def end(daemon: DaemonProcess, timeout_s: float) -> None:
    """End a daemon that does not reply. Raises DaemonUnreachableError when it does not end either."""
    if not daemon.end(timeout_s):
        raise DaemonUnreachableError(
            f"luziad (pid {daemon.pid}) has not stopped after {timeout_s:.0f} s",
            f"End it with `kill -KILL {daemon.pid}`; running jobs are not affected.",
        )
