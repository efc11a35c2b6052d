"""The hub as a process: listens first and loads the SDK then, so that the relay that starts it waits for neither."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from luzia_protocol import environment

from luzia_client.mcp.hub.listening import listen
from luzia_client.mcp.relay import meeting

NO_SDK = f"`luzia mcp` requires the MCP SDK. {environment.install_extra('mcp')}"
EXIT_NO_SDK = 3
EXIT_RUNNING = 4


def run(path: str, *, on_demand: bool, ready_fd: int | None = None, http: int | None = None) -> int:
    """Serve relays on a socket until the hub is stopped; returns the exit status.

    on_demand: end when no relay has been connected for some time. ready_fd: gets `ready`, or why there is no hub.
    http: a port on the loopback interface on which HTTP clients are served too; 0 is any.
    """
    if find_spec("mcp") is None:
        _tell(ready_fd, NO_SDK)
        return EXIT_NO_SDK
    job = os.environ.pop("LUZIA_JOB_ID", "")  # the jobs of a relay are not those of the hub
    try:
        listener = listen(path)
    except OSError as exc:
        _tell(ready_fd, f"the MCP hub cannot listen on {path}: {exc.strerror or exc}")
        return EXIT_RUNNING
    if listener is None:
        _tell(ready_fd, "ready" if on_demand else f"another hub listens on {path}")
        return 0 if on_demand else EXIT_RUNNING
    _tell(ready_fd, "ready")
    from luzia_client.mcp.hub.service import serve

    try:
        serve(listener, on_demand=on_demand, may_start_daemon=not job, http=http)
    finally:
        listener.leave()
    return 0


def default_socket() -> str:
    """Where the user's hub listens."""
    from luzia_protocol import environment

    return meeting.hub_socket(environment.socket_path())


def _tell(ready_fd: int | None, words: str) -> None:
    if ready_fd is None:
        if words != "ready":
            print(f"luzia: {words}", file=sys.stderr)
        return
    try:
        os.write(ready_fd, words.encode() + b"\n")
    except BrokenPipeError:
        return  # the relay that started it has ended
    finally:
        os.close(ready_fd)
