"""Runs intake and delivery until one of them fails or a signal comes."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from luzia_client.notify import NotifyError
from luzia_client.notify.delivery import Delivery
from luzia_client.notify.intake import Intake
from luzia_client.notify.outbox import Outbox
from luzia_client.notify.settings import Settings
from luzia_client.transport.file_lock import lock_file


def run(socket: str, settings: Settings, path: Path) -> None:
    """Deliver notices until SIGTERM or SIGINT. path: the outbox. Raises NotifyError."""
    outbox = Outbox(path)
    if lock_file(f"{path}.lock") is None:
        raise NotifyError(f"another `luzia notify` uses {path}", "Stop it, or choose another file with --state.")
    asyncio.run(_run(socket, settings, outbox))


async def _run(socket: str, settings: Settings, outbox: Outbox) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    delivery = Delivery(settings, outbox)
    intake = Intake(socket, settings, outbox, delivery.wake)
    delivery.start()
    parts = (stop.wait(), intake.run(), intake.watch_storage(), delivery.join())
    tasks = [asyncio.create_task(each) for each in parts]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await delivery.stop()
        await intake.close()
        outbox.close()
