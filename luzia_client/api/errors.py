"""The errors that a client raises without sending a request."""

from __future__ import annotations

from luzia_protocol.errors import LuziaError


class ArgumentError(LuziaError, ValueError, TypeError):
    """An argument of a method has a wrong type or an invalid value. Nothing was sent."""

    code = "invalid_argument"


class ClientStateError(LuziaError, RuntimeError):
    """The client cannot be used any more: it has been closed, or belongs to another event loop."""

    code = "invalid_state"


class SettingsError(LuziaError, ValueError):
    """A LUZIA_* environment variable of the client has an invalid value."""

    code = "bad_setting"


def client_closed() -> ClientStateError:
    """What to raise for a request of a closed client."""
    return ClientStateError("the client has been closed", "Create another one.")
