"""Show the versions of both sides: this program, and the daemon that answers."""

from __future__ import annotations

import argparse

from luzia_protocol.version import PROTOCOL_VERSION

from luzia_client import __version__
from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.output import print_fields, print_json
from luzia_client.transport.endpoint import DaemonUnreachableError

EXAMPLES = (("luzia version", "of this program, and of the daemon"),)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status. A daemon that does not run is not started for this."""
    try:
        with Client(autostart=False) as client:
            info = client.get_info()
    except DaemonUnreachableError:
        info = None
    if args.json:
        print_json(
            {
                "client": __version__,
                "client_protocol": PROTOCOL_VERSION,
                "daemon": info.version if info else None,
                "daemon_protocol": info.protocol if info else None,
            }
        )
        return exit_codes.OK
    daemon = f"{info.version} (protocol {info.protocol}, pid {info.pid})" if info else "not running"
    print_fields([("luzia", f"{__version__} (protocol {PROTOCOL_VERSION})"), ("luziad", daemon)])
    if info and info.version != __version__:
        print("They differ: `luzia daemon restart` makes them equal. Running jobs go on.")
    return exit_codes.OK
