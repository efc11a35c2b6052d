"""Export job metrics to Prometheus (requires luzia[metrics]), or metrics and traces to OpenTelemetry (requires
luzia[otel]).

Counters come from the daemon's journal. They are kept in a file, so they never decrease when luziad or this command is
restarted; without a daemon, luzia_up is 0.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from luzia_protocol import environment

from luzia_client.api.arguments import socket_text
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.show.errors import print_error

EXAMPLES = (
    ("luzia metrics --listen 127.0.0.1:9477", "answer the scrapes of Prometheus"),
    ("luzia metrics --once", "print the metrics"),
    ("luzia metrics --otlp http://127.0.0.1:4318", "push metrics and traces to a collector"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--listen",
        metavar="HOST:PORT",
        type=_address,
        help="answer HTTP requests for /metrics; port 0 selects a free port",
    )
    where.add_argument("--once", action="store_true", help="print the metrics once")
    where.add_argument("--textfile", metavar="FILE", type=Path, help="write the metrics to a file once")
    where.add_argument(
        "--otlp", metavar="URL", type=_url, help="push metrics and traces by OTLP over HTTP to this collector"
    )
    parser.add_argument(
        "--state",
        metavar="FILE",
        type=Path,
        help="file that holds the counters (default: metrics.json in the state directory)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if find_spec("prometheus_client") is None:
        raise UsageError("`luzia metrics` requires prometheus-client", environment.install_extra("metrics"))
    from luzia_client.metrics.exporter import ListenError
    from luzia_client.metrics.totals_file import TotalsError

    try:
        return _give_out(args)
    except (ListenError, TotalsError) as exc:
        return print_error(exc.message, exc.hint, exit_codes.INPUT_OUTPUT)


def _give_out(args: argparse.Namespace) -> int:
    if args.otlp is not None:
        try:
            from luzia_client.metrics.pushing import push
        except ModuleNotFoundError as exc:
            raise UsageError("--otlp requires OpenTelemetry", environment.install_extra("otel")) from exc
        push(socket_text(None), args.state, args.otlp)
        return exit_codes.OK
    from luzia_client.metrics.exporter import Exporter

    exporter = Exporter(socket_text(None), args.state, alone=args.listen is not None)
    if args.once:
        print(exporter.text(), end="")
    elif args.textfile is not None:
        exporter.write(args.textfile)
    else:
        host, port = args.listen
        port = exporter.serve(host, port)
        print(f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics", flush=True)
        exporter.wait()
    return exit_codes.OK


def _address(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `[::1]:PORT` or `:PORT`, which is on the loopback interface."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is not HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def _url(text: str) -> str:
    """The base address of a collector."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"'{text}' is not http://HOST:PORT or https://HOST:PORT")
    return text
