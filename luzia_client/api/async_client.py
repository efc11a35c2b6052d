"""The client for asyncio programs: the methods of Client as coroutines and asynchronous iterators."""

from __future__ import annotations

from luzia_client.api.async_methods.dispatching import AsyncDispatching
from luzia_client.api.async_methods.operating import AsyncOperating
from luzia_client.api.async_methods.scheduling import AsyncScheduling
from luzia_client.api.async_methods.steering import AsyncSteering
from luzia_client.api.async_streaming import AsyncStreaming


class AsyncClient(AsyncDispatching, AsyncStreaming, AsyncSteering, AsyncScheduling, AsyncOperating):
    """Talks to the daemon from asyncio; the arguments, methods and errors are those of Client.

    Tasks of one event loop may share one, and their requests are under way at the same time. `close`, or the end
    of an `async with` block, hangs up.
    """
