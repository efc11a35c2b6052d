"""The blocking client: one method for each request. AsyncClient has the same methods as coroutines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luzia_client.api.methods.dispatching import Dispatching
from luzia_client.api.methods.operating import Operating
from luzia_client.api.methods.scheduling import Scheduling
from luzia_client.api.methods.steering import Steering
from luzia_client.api.streaming import Streaming

if TYPE_CHECKING:
    from luzia_client.api.async_client import AsyncClient as AsyncClient


def __getattr__(name: str) -> object:
    """AsyncClient, which costs an import of asyncio, only for those who ask for it."""
    if name == "AsyncClient":
        from luzia_client.api.async_client import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Client(Dispatching, Streaming, Steering, Scheduling, Operating):
    """Talks to the daemon; each method blocks until the answer is there. Threads may share one.

    socket: the path of the daemon's socket; None is where the environment says (LUZIA_SOCKET, LUZIA_RUNTIME_DIR).
    autostart: start the daemon when none answers, unless LUZIA_NO_AUTOSTART is set.
    reconnect_s: seconds that a stream or a wait goes on without a daemon before it gives up.

    Nothing is connected before the first request, and `close`, or the end of a `with` block, hangs up.
    A request that does no harm when it is made twice, such as a dispatch, is made again when the connection breaks.

    Every error is a LuziaError with `code`, `message` and `hint`: Refused when the daemon says no,
    DaemonUnreachableError when there is none, ConnectionLostError when it went away before it had answered,
    UnexpectedAnswerError when what answers is no daemon of this version, SettingsError for a bad LUZIA_CACHE_TTL.
    """
