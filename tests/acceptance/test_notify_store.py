"""`luzia notify` while the job store cannot be written, wherever its own notices are kept."""

from __future__ import annotations

import pytest

from receivers import Sink, cursor, sink
from small_disk import disk_daemon
from support import dispatch, ended, eventually

__all__ = ["sink"]


@pytest.mark.parametrize("beside", [True, False], ids=["outbox on the full disk", "outbox elsewhere"])
def test_trouble_with_the_store_is_told_and_its_end(sink: Sink, beside: bool) -> None:
    config = f'[notify.targets.hook]\nwebhook = "{sink.url}"\n[[notify.rules]]\ntargets = ["hook"]\n'
    with disk_daemon(config=config) as daemon, daemon.connect() as wire:
        outbox = (daemon.state if beside else daemon.root) / "notify.db"
        with daemon.start_command("notify", "run", "--state", str(outbox)) as notify:
            eventually(lambda: cursor(outbox) is not None, "it follows the daemon")
            ended(wire, dispatch(wire))
            eventually(lambda: "finished" in subjects(sink), "the job is told")
            daemon.disk.fill()
            eventually(lambda: "error" in wire.ask(op="dispatch", project="overbits", task="true"), "a refusal")
            eventually(lambda: "store_trouble" in subjects(sink), "the trouble is told")
            [told] = [each for each in sink.received if each["subject"] == "store_trouble"]
            assert told["title"] == "luziad cannot write its job store"
            assert told["fields"]["reason"] == wire.ok(op="info")["storage"]
            daemon.disk.make_room()
            eventually(lambda: "store_recovered" in subjects(sink), "the end is told")
            ended(wire, dispatch(wire))
            eventually(lambda: subjects(sink).count("finished") >= 2, "what follows is told")
            assert notify.poll() is None
        assert subjects(sink).count("store_trouble") == 1
        assert subjects(sink).count("store_recovered") == 1


def subjects(sink: Sink) -> list[str]:
    """What was told, in order."""
    return [str(each["subject"]) for message in sink.received for each in message.get("notices", [message])]
