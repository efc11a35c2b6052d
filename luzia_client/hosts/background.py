"""Opens links for programs that must not wait for them: screens and servers."""

from __future__ import annotations

import asyncio
import threading

from luzia_client.hosts import HostError, link
from luzia_client.hosts.settings import Host


async def open_link(host: Host) -> link.Link:
    """The link to a host, as link.open_link opens it. Raises HostError.

    It runs on a thread that neither a cancelled caller nor the end of the program waits for, because a host that does
    not answer takes its time.
    """
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[link.Link] = loop.create_future()

    def settle(found: link.Link | None, problem: Exception | None) -> None:
        if opened.done():
            return
        if found is not None:
            opened.set_result(found)
        else:
            opened.set_exception(problem or HostError(f"host {host.name} is not reachable"))

    def work() -> None:
        found, problem = None, None
        try:
            found = link.open_link(host)
        except Exception as exc:
            problem = exc
        try:
            loop.call_soon_threadsafe(settle, found, problem)
        except RuntimeError:  # the program has ended, and its loop is closed
            return

    threading.Thread(target=work, name=f"link to {host.name}", daemon=True).start()
    return await opened
