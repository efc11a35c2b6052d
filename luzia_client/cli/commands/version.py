"""Show the versions of the client and of the running daemon."""

from __future__ import annotations

import argparse

from luzia_protocol.version import PROTOCOL_VERSION

from luzia_client import __version__
from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.administration.unreachable import get_info
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.installation import describe_difference, installed_program
from luzia_client.cli.show.output import print_fields, print_json
from luzia_client.transport.daemon_process import find_daemon
from luzia_client.transport.endpoint import DaemonUnreachableError

EXAMPLES = (("luzia version", "show both versions"),)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status. A daemon that is not running is not started."""
    try:
        with Client(autostart=False) as client:
            info = get_info(client)
    except DaemonUnreachableError:
        info = None
    is_running = info is not None or find_daemon() is not None
    program = installed_program()
    if args.json:
        print_json(
            {
                "client": __version__,
                "client_protocol": PROTOCOL_VERSION,
                "daemon": info.version if info else None,
                "daemon_protocol": info.protocol if info else None,
                "program": program,
            }
        )
        return exit_codes.OK
    daemon = (
        f"{info.version} (protocol {info.protocol}, pid {info.pid})"
        if info
        else "running, but it does not reply"
        if is_running
        else "not running"
    )
    print_fields([("luzia", f"{__version__} (protocol {PROTOCOL_VERSION}, {program})"), ("luziad", daemon)])
    difference = describe_difference(info) if info else ""
    if difference:
        print(f"{difference}. Run `luzia daemon restart`; running jobs are not affected.")
    return exit_codes.OK
