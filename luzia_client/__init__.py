"""luzia's Python API: `Client`, `AsyncClient`, and the errors that they raise.

Everything is loaded at first use, because `luzia PROJECT TASK` imports this package too and must be instant.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_protocol.errors import ErrorCode as ErrorCode
    from luzia_protocol.errors import Refused as Refused

    from luzia_client.async_client import AsyncClient as AsyncClient
    from luzia_client.client import Client as Client
    from luzia_client.connection import ConnectionLostError as ConnectionLostError
    from luzia_client.connection import DaemonUnreachableError as DaemonUnreachableError
    from luzia_client.connection import UnexpectedAnswerError as UnexpectedAnswerError
    from luzia_client.settings import SettingsError as SettingsError

    __version__: str

_HOMES = {
    "AsyncClient": "luzia_client.async_client",
    "Client": "luzia_client.client",
    "ConnectionLostError": "luzia_client.connection",
    "DaemonUnreachableError": "luzia_client.connection",
    "ErrorCode": "luzia_protocol.errors",
    "Refused": "luzia_protocol.errors",
    "SettingsError": "luzia_client.settings",
    "UnexpectedAnswerError": "luzia_client.connection",
}


def __getattr__(name: str) -> object:
    """Load a public name from the module that it lives in."""
    if name == "__version__":
        from luzia_protocol.version import VERSION

        return VERSION
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*_HOMES, "__version__"])
