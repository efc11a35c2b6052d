"""Whether the running daemon and this client are of the same installation."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from importlib.util import find_spec

from luzia_protocol.errors import LuziaError
from luzia_protocol.replies import DaemonInfo

from luzia_client import __version__
from luzia_client.api.client import Client

PACKAGES = ("luziad", "luzia_protocol")
"""What the daemon has loaded."""


def installed_program() -> str:
    """Which program `luzia` is beside this one: `native` or `Python`."""
    try:
        with open(os.path.join(os.path.dirname(os.path.realpath(sys.argv[0])), "luzia"), "rb") as program:
            return "native" if program.read(4) == b"\x7fELF" else "Python"
    except OSError:
        return "Python"


def describe_difference(info: DaemonInfo) -> str:
    """How the daemon differs from the installed luzia; empty when it does not."""
    if info.version != __version__:
        return f"luziad has version {info.version}, luzia has {__version__}"
    installed = max(map(_newest_file, PACKAGES))
    if installed > info.started_at.timestamp():
        at = datetime.fromtimestamp(installed, UTC).astimezone()
        return f"luziad runs an older luzia than the one that was installed at {at:%Y-%m-%d %H:%M:%S}"
    return ""


def difference_from_running() -> str:
    """The same for the daemon that is running; empty, too, when none replies."""
    try:
        with Client(autostart=False) as client:
            return describe_difference(client.get_info())
    except LuziaError:
        return ""


def _newest_file(package: str) -> float:
    """When the newest file of a package was written, in epoch seconds; 0 if it is not installed."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return 0.0
    newest = 0.0
    for directory, _, names in os.walk(os.path.dirname(spec.origin)):
        sources = (os.path.join(directory, name) for name in names if name.endswith(".py"))
        newest = max([newest, *(os.stat(source).st_mtime for source in sources)])
    return newest
