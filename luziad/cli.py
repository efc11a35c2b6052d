"""The program `luziad`: its options and exit status.

0  stopped on request, or --check-config found no mistake
1  could not start because of a directory, the lock, the socket or the store; stderr has the reason
2  invalid arguments or configuration
3  --on-demand was given, and the configuration has `autostart = false`
--snapshots and --restore: see tools/snapshots.py.
--read-agent as the first argument: see tools/read_agent.py.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

import uvloop

from luzia_protocol import environment
from luzia_protocol.version import VERSION

from luziad import log
from luziad.app import serve
from luziad.config import load as configuration
from luziad.errors import ConfigError, LuziadError
from luziad.tools import read_agent, snapshots

_STREAMS = 3
"""stdin, stdout and stderr have the numbers below."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon in the foreground and return the exit code."""
    _open_standard_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["--read-agent"]:
        return read_agent.main(words[1:])
    options = argument_parser().parse_args(words)
    try:
        config = configuration.load()
    except ConfigError as exc:
        for mistake in exc.mistakes:
            log.print_error(mistake)
        return 2
    if options.check_config:
        return 0
    if options.snapshots:
        return snapshots.show(config)
    if options.restore is not None:
        return snapshots.restore(config, options.restore)
    if options.on_demand and not config.daemon.autostart:
        log.print_error(f"autostart is disabled in {config.config_file}; start the daemon with `luzia daemon start`")
        return 3
    log.set_up(config.daemon.log_level, environment.log_file())
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(config, lambda: _report_ready(options.ready_fd), reset_inherited=options.reset_inherited))
    except LuziadError as exc:
        log.print_error(str(exc))
        return 1
    return 0


def _open_standard_streams() -> None:
    """Open /dev/null for each standard stream that was closed; pipes and databases would get its number otherwise."""
    while (number := os.open(os.devnull, os.O_RDWR)) < _STREAMS:
        os.set_inheritable(number, True)
    os.close(number)


def _report_ready(descriptor: int | None) -> None:
    if descriptor is not None:
        os.write(descriptor, b"ready\n")
        os.close(descriptor)


def argument_parser() -> argparse.ArgumentParser:
    """The parser of the command line; the manual page is generated from it."""
    parser = argparse.ArgumentParser(
        prog="luziad", description="The daemon of luzia. It accepts, records, schedules and supervises jobs."
    )
    parser.add_argument("--version", action="version", version=f"luziad {VERSION}")
    parser.add_argument("--check-config", action="store_true", help="check the configuration and exit")
    parser.add_argument(
        "--snapshots", action="store_true", help="list the snapshots of the job store as JSON lines and exit"
    )
    parser.add_argument("--restore", metavar="FILE", help="replace the job store with a snapshot and exit")
    parser.add_argument(
        "--on-demand", action="store_true", help="exit with 3 if the configuration disables autostart (for clients)"
    )
    parser.add_argument(
        "--reset-inherited",
        action="store_true",
        help="reset the umask, signals, priority, processors and limits inherited from a shell (for clients)",
    )
    parser.add_argument("--ready-fd", type=int, metavar="N", help="write `ready` to file descriptor N when listening")
    return parser
