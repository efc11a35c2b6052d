"""The blocking client: one method for each request. AsyncClient has the same methods as coroutines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luzia_client.methods.dispatching import Dispatching
from luzia_client.methods.operating import Operating
from luzia_client.methods.steering import Steering
from luzia_client.streaming import Streaming

if TYPE_CHECKING:
    from luzia_client.async_client import AsyncClient as AsyncClient


def __getattr__(name: str) -> object:
    """AsyncClient, which costs an import of asyncio, only for those who ask for it."""
    if name == "AsyncClient":
        from luzia_client.async_client import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Client(Dispatching, Streaming, Steering, Operating):
    """Talks to the daemon; each method blocks until the answer is there. Threads may share one.

    socket: None is where the environment says. autostart: start the daemon when none answers.
    reconnect_s: seconds that a stream or a wait goes on without a daemon before it gives up.

    Requests that are refused raise luzia_protocol.errors.Refused; without a daemon they raise
    DaemonUnreachableError.
    """
