"""Where the protocol page and its schemas are: they come with the package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def protocol_page() -> Path:
    """The page that describes the protocol, in Markdown."""
    installed = _PACKAGE / "protocol.md"
    return installed if installed.exists() else _PACKAGE.parent / "README.md"  # as it is in the source tree


def schema_directory() -> Path:
    """The directory of requests.json, replies.json, events.json and operations.json."""
    installed = _PACKAGE / "schema"
    return installed if installed.exists() else _PACKAGE.parent / "schema"
