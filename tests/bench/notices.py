"""How soon `luzia notify` tells of an event by SMTP, its memory, and how often it wakes while nothing happens."""

from __future__ import annotations

import socket
import statistics
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller

from bench.measures import switches
from support import PrivateDaemon, dispatch, ended, eventually, private_daemon

MAILS = 5
SETTLE_S, IDLE_S = 2.0, 10.0


class Measured(NamedTuple):
    """delay_s: median from the end of a job to the whole mail. rss_bytes: of the notifier. wakeups: in IDLE_S."""

    delay_s: float
    rss_bytes: int
    wakeups: int


class _Mailbox:
    def __init__(self) -> None:
        self.times: list[float] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.times.append(time.time())
        return "250 OK"


def measure() -> Measured:
    """Mails of jobs that end one after the other, as many as do not become a digest."""
    mailbox = _Mailbox()
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    controller = Controller(mailbox, "127.0.0.1", port)
    controller.start()
    config = '[notify.targets.mail]\nurl_env = "MAIL_URL"\n[[notify.rules]]\ntargets = ["mail"]\nevents = ["failed"]\n'
    env = {"MAIL_URL": f"mailto://127.0.0.1:{port}?from=l@example.org&to=me@example.org&mode=insecure"}
    try:
        with private_daemon(config, env) as daemon, daemon.start_command("notify", "run") as notifier:
            eventually((daemon.state / "notify.db").exists, "the outbox")
            delays = [_mail(daemon, mailbox, number) for number in range(MAILS)]
            rss = int(Path(f"/proc/{notifier.pid}/statm").read_text().split()[1]) * 4096
            threading.Event().wait(SETTLE_S)
            before = switches(notifier.pid)
            threading.Event().wait(IDLE_S)
            return Measured(statistics.median(delays), rss, switches(notifier.pid) - before)
    finally:
        controller.stop()


def _mail(daemon: PrivateDaemon, mailbox: _Mailbox, number: int) -> float:
    """Seconds from the end of a failed job to its mail."""
    with daemon.connect() as wire:
        ended(wire, dispatch(wire, "false"))
        at = time.time()
    eventually(lambda: len(mailbox.times) > number, "a mail")
    return mailbox.times[number] - at


if __name__ == "__main__":
    print(measure(), file=sys.stdout)
