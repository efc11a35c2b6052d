"""Continues what the native luzia has begun: a command whose request has been sent, or whose output is partly printed.

The native program becomes the Python program, by exec, for everything unusual. When it has already sent a request, it
says what came of it, so that the daemon does not get it twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from luzia_protocol import environment

from luzia_client.api.streams import ReconnectDelays
from luzia_client.transport.connection import Connection
from luzia_client.transport.endpoint import DaemonUnreachableError, reply_timeout

RECONNECT_S = 60.0


def run(what: str, words: list[str]) -> int:
    """Continue a command line; returns the exit status. words: the command, an empty word for an implied dispatch.

    what: `timeout` or `lost` when no answer came; the descriptor of a file with the answer to a dispatch; `resumed` for
    `luzia wait`, which has perhaps lost the daemon; for `luzia logs` the attempt and the offset at which the output
    continues, as `1:4096`.
    """
    if what == "timeout":
        raise reply_timeout()
    if what == "resumed":
        from luzia_client.cli.args.parser import command_parser
        from luzia_client.cli.commands import wait

        _await_daemon()
        return wait.run(command_parser("wait", wait).parse_args(words[1:]))
    if ":" in what:
        from luzia_client.cli.args.parser import command_parser
        from luzia_client.cli.commands import logs
        from luzia_client.cli.watch.output_follower import Place

        _await_daemon()
        args = command_parser("logs", logs).parse_args(words[1:])
        args.place = Place(*map(int, what.split(":")))
        return logs.run(args)
    from luzia_client.cli.commands import dispatch
    from luzia_client.cli.commands import run as run_command

    command = run_command if words[0] == "run" else dispatch
    return int(command.run(words[1:], dispatch.exchange_again if what == "lost" else _answer(int(what))))


def _await_daemon() -> None:
    """Connect once, with the patience of a stream that continues. Raises DaemonUnreachableError."""
    delays = ReconnectDelays(RECONNECT_S)
    while True:
        try:
            Connection.open(environment.socket_path(), autostart=True, resuming=True).close()
            return
        except DaemonUnreachableError as exc:
            time.sleep(delays.next_s(exc))


def _answer(fd: int) -> Callable[[bytes], bytes]:
    """A function that has the answer in a file; the requests that follow the dispatch are exchanged as always."""
    with os.fdopen(fd, "rb") as file:
        reply = file.read()
    return lambda request: reply
