"""The errors with which the web server refuses a request itself, and how every error looks in a reply."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from luzia_protocol.errors import ErrorCode, LuziaError, Refused
from luzia_protocol.invalid_data import describe_invalid_request

from luzia_client.hosts import HostError
from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError


class WebError(LuziaError):
    """The web server refuses a request. status: of HTTP. code: for programs, as in the errors of the daemon."""

    def __init__(self, status: int, code: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code


def invalid_request(exc: Exception, data: bytes = b"") -> WebError:
    """The refusal of data that is no request. exc: what msgspec has raised for it."""
    return WebError(400, "bad_request", describe_invalid_request(exc, data), "See /api/openapi.json.")


_NOT_FOUND = {code for code in ErrorCode if code.startswith("unknown_")} | {ErrorCode.BAD_REQUEST}
_encode = msgspec.json.encode


def error_body(exc: LuziaError) -> dict[str, str]:
    """The object that stands for an error in a reply, with the names of the protocol."""
    return {"code": str(exc.code), "message": exc.message, "hint": exc.hint}


def http_status(exc: LuziaError) -> int:
    """The status of HTTP for an error."""
    match exc:
        case WebError():
            return exc.status
        case DaemonUnreachableError() | HostError():
            return 503
        case UnexpectedAnswerError():
            return 502
        case Refused(code=code) if code in _NOT_FOUND:
            return 400 if code is ErrorCode.BAD_REQUEST else 404
        case _:
            return 409


def error_response(exc: LuziaError) -> Response:
    """A reply of HTTP: `{"error": {..}}`, as the daemon writes it."""
    return Response(_encode({"error": error_body(exc)}), http_status(exc), media_type="application/json")
