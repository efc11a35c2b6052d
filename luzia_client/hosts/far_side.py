"""Finds luzia on another host, starts its daemon, and learns where that listens."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any, NamedTuple

from luzia_protocol.version import OLDEST_SUPPORTED, VERSION

from luzia_client.hosts import HostError, ssh
from luzia_client.hosts.settings import Host

PLACES = ("luzia", "~/.local/bin/luzia", "~/.local/share/luzia/venv/bin/luzia", "/opt/luzia/bin/luzia")
"""Where the program is looked for: the PATH of a shell without a terminal is often shorter than that of a login."""
_SOCKET = re.compile(r"/[\w/.,+=@~-]{1,106}", re.ASCII)
"""ssh would replace `%` and `${NAME}` in other paths, by values of this machine, and take a colon for a port."""
_MARK = "@luzia-host@ "
_SCRIPT = """\
unset LUZIA_HOST LUZIA_SOCKET LUZIA_JOB_ID
for place in {places}; do
    program=$(command -v $place) && break
done
printf '%s%s\\n' '{mark}' "$program"
test -n "$program" || exit 0
problem=$("$program" projects --json 2>&1 >/dev/null) || printf '%s%s\\n' '{mark}problem ' "$problem" | head -n 1
printf '%s' '{mark}'
"$program" daemon status --json
"""


class FarSide(NamedTuple):
    """What was found there. luzia: the program. socket: of its daemon. version, protocol: of the daemon."""

    luzia: str
    socket: str
    version: str
    protocol: int


NOT_FOUND = FarSide("", "", "", 0)


def find_luzia(host: Host, control: str) -> FarSide:
    """Find the program and its daemon over a link. Raises HostError, and TimeoutError.

    The daemon is started by an ordinary command there, as it would be for a user of that host.
    """
    places = shlex.quote(host.luzia) if host.luzia else " ".join(PLACES)
    script = _SCRIPT.format(places=places, mark=_MARK)
    status, output, errors = ssh.run(ssh.shared_command(host, control, "sh"), script.encode())
    lines = [line.removeprefix(_MARK) for line in output.splitlines() if line.startswith(_MARK)]
    if status == 255 or not lines:
        raise ssh.explain(host, errors)
    program = lines[0].strip()
    if not program:
        where = host.luzia or ", ".join(PLACES)
        raise HostError(
            f"luzia is not installed on host {host.name} ({host.destination}); looked for {where}",
            f"Install it with `luzia hosts install {host.name}`.",
        )
    problem = next((line.removeprefix("problem ") for line in lines[1:] if line.startswith("problem ")), "")
    return _parse(host, program, lines[-1], problem.removeprefix("luzia: "))


def _parse(host: Host, program: str, line: str, problem: str) -> FarSide:
    info = _read_object(line)
    socket = info.get("socket")
    if problem or not isinstance(socket, str):
        reason = problem or f"`{program} daemon status --json` printed no status"
        raise HostError(
            f"no luziad is running on host {host.name}: {reason}", f"See `luzia --host {host.name} doctor`."
        )
    if not _SOCKET.fullmatch(socket):
        raise HostError(
            f"luziad on host {host.name} reports {socket[:200]!r}, which is not a socket path that ssh can forward",
            "Set LUZIA_SOCKET or LUZIA_RUNTIME_DIR there to a plain path.",
        )
    version, protocol = info.get("version"), info.get("protocol")
    found = FarSide(program, socket, str(version)[:100], protocol if isinstance(protocol, int) else 0)
    if found.protocol < OLDEST_SUPPORTED:  # a newer daemon says itself whether it supports this client
        raise incompatible(host, f"luziad {found.version} has protocol {found.protocol}")
    return found


def incompatible(host: Host, what: str) -> HostError:
    """What to raise for a daemon that speaks another protocol. what: its version, or its own words."""
    return HostError(
        f"luzia on host {host.name} is not compatible with luzia {VERSION} here: {what}",
        f"Install the same version on both; `luzia hosts install {host.name}` does.",
    )


def _read_object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
