"""JSON by the C functions beneath the package json, which takes longer to load than a short command takes. Pure."""

from __future__ import annotations

from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class _ScannerOptions:
    """Those of json.loads."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


_scan = make_scanner(_ScannerOptions)  # type: ignore[arg-type]  # any object with these attributes will do
_encode = make_encoder(None, repr, encode_basestring_ascii, None, ":", ",", False, False, True)
_encode_for_people = make_encoder(None, repr, encode_basestring, None, ":", ",", False, False, True)


def load_object(data: bytes | bytearray) -> dict[str, Any]:
    """The object that a text in UTF-8 begins with. Raises ValueError."""
    text = data.decode()
    if text[:1] != "{":
        raise ValueError("not an object")
    try:
        found: dict[str, Any] = _scan(text, 0)[0]
    except StopIteration as exc:
        raise ValueError(f"no value at character {exc.value}") from exc
    return found


def dump_object(value: Mapping[str, Any]) -> bytes:
    """An object as a line for the wire, in ASCII."""
    return "".join(_encode(value, 0)).encode() + b"\n"


def format_object(value: Mapping[str, Any]) -> str:
    """An object on one line for people: characters beyond ASCII are not escaped."""
    return "".join(_encode_for_people(value, 0))
