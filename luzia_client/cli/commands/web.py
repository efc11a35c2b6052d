"""Serve the jobs to a web browser on this machine.

`luzia web` prints a link that can be used once, within one minute; `luzia web url` prints a new one. The browser stays
signed in for a day. To end all sessions, run `luzia web sign-out`.

The page is served on a loopback address only, unless it uses TLS or is behind a proxy that authenticates users.
"""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec

from luzia_protocol import environment

from luzia_client.api.errors import ArgumentError
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import parse_integer
from luzia_client.cli.show.text import format_quantity

EXAMPLES = (
    ("luzia web --open", "serve the page and open it in the browser"),
    ("luzia web url", "print a link for another browser"),
    ("luzia web --port 8765 --read-only", "serve read-only, on a fixed port"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=("url", "sign-out"),
        metavar="ACTION",
        help="url: print a link to the page that is being served; sign-out: end all sessions",
    )
    parser.add_argument("--open", action="store_true", help="open the page in the default browser")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="listen on ADDRESS (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=parse_integer, default=0, metavar="PORT", help="listen on PORT (default: any free port)"
    )
    parser.add_argument("--unix", metavar="PATH", help="listen on a Unix socket instead, for a proxy or ssh")
    parser.add_argument(
        "--origin", metavar="URL", help="the URL by which browsers reach the page, if it is not that of the server"
    )
    parser.add_argument("--tls-cert", metavar="FILE", help="serve over TLS with this certificate")
    parser.add_argument("--tls-key", metavar="FILE", help="the private key of the certificate")
    parser.add_argument(
        "--behind-proxy", metavar="NAME=VALUE", help="refuse requests without this header, which the proxy adds"
    )
    parser.add_argument("--read-only", action="store_true", help="refuse requests that change something")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if args.action is not None:
        return _control(args.action, args.open)
    if find_spec("starlette") is None or find_spec("uvicorn") is None or find_spec("websockets") is None:
        raise UsageError("luzia web requires starlette, uvicorn and websockets", environment.install_extra("web"))
    return _serve(args)


def _control(action: str, opened: bool) -> int:
    from luzia_client.web.control import ask

    reply = ask(action)
    if action == "url":
        _show_link(reply["url"], opened)
    else:
        print(f"Ended {format_quantity(int(reply['ended']), 'session')}")
    return exit_codes.OK


def _serve(args: argparse.Namespace) -> int:
    import asyncio

    from luzia_client.web import control
    from luzia_client.web.listening import Options
    from luzia_client.web.server import WebServer

    if control.is_running():
        raise UsageError("luzia web is already running", "`luzia web url` prints a link to it.")
    options = Options(
        host=args.host,
        port=args.port,
        unix=args.unix,
        origin=args.origin,
        tls_cert=args.tls_cert,
        tls_key=args.tls_key,
        proxy=args.behind_proxy,
        read_only=args.read_only,
    )
    try:
        server = WebServer(options, environment.socket_path())
    except ArgumentError as exc:
        raise UsageError(exc.message, exc.hint) from exc
    print(f"Serving {server.access.origins[0]}")
    if args.open or sys.stdout.isatty():
        _show_link(server.make_link(), args.open)
        print("The link works once, for one minute; `luzia web url` prints another one.")
    else:
        print("`luzia web url` prints a link to it.")  # a link in a log would be a secret in a log
    sys.stdout.flush()
    asyncio.run(server.run())
    return exit_codes.OK


def _show_link(link: str, opened: bool) -> None:
    if opened:
        from luzia_client.web.opening import open_link

        if open_link(link):
            return
    print(link)
