"""Jobs as lists show them, as many as fit into a reply, made in slices."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import cast

import msgspec

from luzia_protocol.jobs import Job

from luziad.handlers.services import Services
from luziad.jobs.record import JobRecord

PAGE_BYTES = 2 * 1024 * 1024
"""The size at which a page ends, half of what a reply may have: the last job may be long."""

_encode = msgspec.json.Encoder().encode


def encode_jobs(services: Services, records: Iterable[JobRecord]) -> Generator[None, None, list[Job]]:
    """The first jobs, as many as a page can have, each encoded already, in which form they take less memory."""
    found: list[msgspec.Raw] = []
    size = 0
    for record in records:
        encoded = _encode(services.view(record, whole=False))
        found.append(msgspec.Raw(encoded))
        size += len(encoded)
        if size >= PAGE_BYTES:
            break
        yield
    return cast(list[Job], found)
