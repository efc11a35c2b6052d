"""The client for asyncio programs: the methods of Client as coroutines and asynchronous iterators."""

from __future__ import annotations

from luzia_client.async_methods.dispatching import AsyncDispatching
from luzia_client.async_methods.operating import AsyncOperating
from luzia_client.async_methods.steering import AsyncSteering
from luzia_client.async_streaming import AsyncStreaming


class AsyncClient(AsyncDispatching, AsyncStreaming, AsyncSteering, AsyncOperating):
    """Talks to the daemon; the arguments and errors are those of Client."""
