"""List, add, check or remove other hosts, or install luzia there.

`luzia --host NAME …` runs a command against the luziad of another host, over ssh. That daemon must run as the user that
ssh logs in as. LUZIA_HOST has the same effect as the option.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import msgspec

from luzia_protocol import environment
from luzia_protocol.version import VERSION

from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_action, add_json
from luzia_client.cli.configuration import file
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.output import print_columns, print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import harmless
from luzia_client.hosts import HostError, link, settings
from luzia_client.hosts.settings import Host
from luzia_client.transport.endpoint import DaemonUnreachableError

EXAMPLES = (
    ("luzia hosts add big me@big.example.org", "add a host"),
    ("luzia hosts check", "check that all hosts can be used"),
)


class CheckResult(msgspec.Struct, frozen=True):
    """The output of `check --json`. round_trip_s: the time of a request and its reply."""

    name: str
    destination: str
    ok: bool
    luzia: str | None = None
    version: str | None = None
    protocol: int | None = None
    round_trip_s: float | None = None
    problem: str | None = None
    hint: str | None = None


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "luzia hosts [options] [list | add NAME DESTINATION | ACTION …]"
    add_json(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", prog="luzia hosts")
    add_action(actions, "list", "list the hosts (the default action)")
    add = add_action(actions, "add", "add a host to the configuration")
    add.add_argument("name", metavar="NAME", help="the name of the host")
    add.add_argument("destination", metavar="DESTINATION", help="the ssh destination: USER@HOST or ssh://HOST:PORT")
    add.add_argument("--luzia", metavar="PATH", help="the path of luzia on the host, if it is not on the PATH there")
    check = add_action(actions, "check", "check that hosts can be used, and show their versions")
    check.add_argument("names", nargs="*", metavar="HOST", help="the names of the hosts (default: all)")
    install = add_action(
        actions, "install", "install this version of luzia on a host, for the user that ssh logs in as"
    )
    install.add_argument("name", metavar="HOST", help="the name of the host")
    install.add_argument(
        "--wheel", metavar="FILE", help="install this file (default: from the package index that is configured there)"
    )
    install.add_argument("--yes", action="store_true", help="show what will be done, and do not ask")
    remove = add_action(actions, "remove", "remove a host from the configuration; its jobs are not affected")
    remove.add_argument("name", metavar="HOST", help="the name of the host")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    actions = {None: _list, "list": _list, "add": _add, "check": _check, "install": _install, "remove": _remove}
    try:
        return actions[args.action](args)
    except HostError as exc:
        raise UsageError(exc.message, exc.hint) from exc


def _list(args: argparse.Namespace) -> int:
    hosts = settings.read_hosts().values()
    if args.json:
        for host in hosts:
            print_json(_describe(host) | {"linked": link.is_open(host.name)})
        return exit_codes.OK
    if not hosts:
        print("No hosts are configured. Add one with `luzia hosts add NAME DESTINATION`.")
        return exit_codes.OK
    rows = [(host.name, "open" if link.is_open(host.name) else "-", host.destination) for host in hosts]
    print_columns(("NAME", "LINK", "DESTINATION"), rows, stdout_screen())
    return exit_codes.OK


def _add(args: argparse.Namespace) -> int:
    settings.check_name(args.name)
    settings.check_destination(args.destination)
    if args.name in settings.read_hosts():
        raise UsageError(f"host '{args.name}' already exists", f"Remove it with `luzia hosts remove {args.name}`.")
    host = Host(args.name, args.destination, args.luzia or "")
    path = environment.config_file()
    for key, value in _describe(host).items():
        if key != "name":
            file.change(path, ("hosts", host.name, key), value)
    if args.json:
        print_json(_describe(host) | {"config_file": path})
    else:
        print(harmless(f"Added {host.name} to {path}. See whether it can be used: luzia hosts check {host.name}"))
    return exit_codes.OK


def _remove(args: argparse.Namespace) -> int:
    host = settings.find_host(args.name)
    path = environment.config_file()
    file.remove(path, ("hosts", host.name))
    link.close_link(host.name)
    if args.json:
        print_json(_describe(host) | {"config_file": path})
    else:
        print(harmless(f"Removed {host.name} from {path}"))
    return exit_codes.OK


def _check(args: argparse.Namespace) -> int:
    hosts = [settings.find_host(name) for name in args.names] or [*settings.read_hosts().values()]
    results = [_check_host(host) for host in hosts]
    for result in results:
        if args.json:
            print_json(result)
        elif result.ok:
            assert result.round_trip_s is not None
            differs = "" if result.version == VERSION else f" (here: {VERSION}; they are compatible)"
            print(harmless(f"{result.name}: luzia {result.version}{differs}, {result.round_trip_s * 1000:.1f} ms"))
        else:
            print_error(result.problem or "", result.hint or "", exit_codes.UNREACHABLE)
    return exit_codes.OK if all(result.ok for result in results) else exit_codes.UNREACHABLE


def _check_host(host: Host) -> CheckResult:
    """Open the link, and measure a request on it."""
    from luzia_client.api.client import Client

    try:
        opened = link.open_link(host)
        with Client(socket=opened.socket) as client:
            info = client.get_info()
            began = time.monotonic()
            client.hello()
            round_trip_s = time.monotonic() - began
    except (HostError, DaemonUnreachableError) as exc:
        return CheckResult(host.name, host.destination, False, problem=exc.message, hint=exc.hint)
    return CheckResult(
        host.name, host.destination, True, opened.far.luzia, info.version, info.protocol, round(round_trip_s, 6)
    )


def _install(args: argparse.Namespace) -> int:
    from luzia_client.cli.administration import install_host

    host = settings.find_host(args.name)
    install_host.show_plan(host, args.wheel)
    if not args.yes and not install_host.confirm():
        print("Nothing has been installed.")
        return exit_codes.OK
    try:
        install_host.install(host, args.wheel)
    except HostError as exc:
        raise DaemonUnreachableError(exc.message, exc.hint) from exc
    args.names = [args.name]
    return _check(args)


def _describe(host: Host) -> dict[str, Any]:
    found = {"name": host.name, "destination": host.destination}
    return found | ({"luzia": host.luzia} if host.luzia else {})
