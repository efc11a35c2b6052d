"""The hosts that the user has configured: `[hosts.NAME]` in config.toml, and the projects that are on one of them.

The commands read them; the daemon does not.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import Any, NamedTuple

from luzia_protocol import environment

from luzia_client.hosts import HostError

LOCAL = "local"
"""The name of this machine, which no other host can have."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
"""A name is a part of the path of a socket, which has 107 bytes at most (unix(7))."""
NAME_EXPECTED = "a letter or digit, then up to 31 letters, digits, dots, hyphens or underscores"
KEYS = ("destination", "luzia")


class Host(NamedTuple):
    """A configured host. destination: as for ssh. luzia: the program there; empty to look for it."""

    name: str
    destination: str
    luzia: str = ""


def read_hosts() -> dict[str, Host]:
    """The configured hosts by name. Raises HostError for one with a mistake, and OSError."""
    found = {}
    for name, table in _read_tables("hosts").items():
        found[name] = _check(name, table)
    return found


def destinations() -> dict[str, str]:
    """The destinations of the configured hosts, by their names, to choose from; none if there is a mistake."""
    try:
        return {host.name: host.destination for host in read_hosts().values()}
    except (HostError, OSError):
        return {}


def find_host(name: str) -> Host:
    """The host of that name. Raises HostError when it is not configured."""
    hosts = read_hosts()
    if name in hosts:
        return hosts[name]
    near = difflib.get_close_matches(name, [*hosts, LOCAL], n=1)
    known = f"Did you mean {near[0]}? " if near else ""
    raise HostError(
        f"no host '{name}' is configured",
        f"{known}`luzia hosts list` lists the hosts; add one with `luzia hosts add NAME DESTINATION`.",
    )


def host_projects() -> dict[str, str]:
    """The projects for which the configuration names a host -> that host."""
    hosts = {}
    for project, table in _read_tables("projects").items():
        host = table.get("host") if isinstance(table, dict) else None
        if isinstance(host, str):
            hosts[project] = host
    return hosts


def check_name(name: str) -> None:
    """Raise HostError unless a host can have that name."""
    if not NAME.fullmatch(name):
        raise HostError(f"invalid host name '{name}'", f"Use {NAME_EXPECTED}.")
    if name == LOCAL:
        raise HostError(f"'{LOCAL}' is the name of this machine", "Choose another name.")


def check_destination(destination: str) -> None:
    """Raise HostError for a destination that ssh would take for an option, or that is not one word."""
    if not destination or destination.startswith("-") or any(char.isspace() or char == "\0" for char in destination):
        raise HostError(
            f"invalid destination '{destination}'",
            "Write it as for ssh: HOST, USER@HOST, ssh://USER@HOST:PORT, or a Host of ~/.ssh/config.",
        )


def _check(name: str, table: Any) -> Host:
    where = f"hosts.{name} in {environment.config_file()}"
    hint = "Correct it with `luzia config edit`."
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise HostError(f"{where}: expected a table with the strings {' and '.join(KEYS)}", hint)
    if unknown := [key for key in table if key not in KEYS]:
        raise HostError(f"{where}: unknown key {unknown[0]} (known: {', '.join(KEYS)})", hint)
    try:
        check_name(name)
        check_destination(table.get("destination", ""))
    except HostError as exc:
        raise HostError(f"{where}: {exc.message}", exc.hint) from exc
    return Host(name, table["destination"], table.get("luzia", ""))


def _read_tables(kind: str) -> dict[str, Any]:
    """The tables of a kind, by name; none when the file does not exist or is not TOML, which the daemon reports."""
    try:
        with open(environment.config_file(), "rb") as file:
            found = tomllib.load(file).get(kind, {})
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
