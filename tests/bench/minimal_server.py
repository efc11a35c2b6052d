"""The least that a server of durable jobs does: decodes a request, inserts a row, commits in groups, and replies.

Run beside the daemon, to see what that does more. `minimal_server.py DIRECTORY` listens at DIRECTORY/socket.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import sys
import threading
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import cast

import msgspec
import uvloop


class Request(msgspec.Struct):
    """What a dispatch asks."""

    op: str
    project: str
    task: str


class Accepted(msgspec.Struct):
    """What it is answered."""

    job: str
    name: str
    project: str


_decode = msgspec.json.Decoder(Request).decode
_encode = msgspec.json.Encoder().encode
_numbers = itertools.count(1)
Jobs = list[tuple[str, str, str]]


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, work: SimpleQueue[tuple[Jobs, Session]]) -> None:
        self._work = work
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Pass on the requests in whole lines."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        requests = map(_decode, lines)
        if jobs := [(f"{next(_numbers):06}", request.project, request.task) for request in requests]:
            self._work.put((jobs, self))

    def committed(self, jobs: Jobs) -> None:
        """Answer what is on disk."""
        replies = [_encode({"ok": Accepted(job, f"agent:{project}:{job}", project)}) for job, project, _ in jobs]
        self._transport.write(b"\n".join(replies) + b"\n")


def write(path: Path, work: SimpleQueue[tuple[Jobs, Session]], loop: asyncio.AbstractEventLoop) -> None:
    """Commit what is waiting, in one transaction, for ever."""
    store = sqlite3.connect(path, isolation_level=None)
    store.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
    store.execute("CREATE TABLE jobs (id TEXT PRIMARY KEY, project TEXT, task TEXT)")
    while True:
        waiting = [work.get()]
        try:
            while True:
                waiting.append(work.get_nowait())
        except Empty:
            pass
        store.execute("BEGIN")
        for jobs, _ in waiting:
            store.executemany("INSERT INTO jobs VALUES (?, ?, ?)", jobs)
        store.execute("COMMIT")
        for jobs, session in waiting:
            loop.call_soon_threadsafe(session.committed, jobs)


async def serve(directory: Path) -> None:
    """Listen until the process is ended."""
    work: SimpleQueue[tuple[Jobs, Session]] = SimpleQueue()
    loop = asyncio.get_running_loop()
    threading.Thread(target=write, args=(directory / "store.db", work, loop), daemon=True).start()
    server = await loop.create_unix_server(lambda: Session(work), str(directory / "socket"))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
