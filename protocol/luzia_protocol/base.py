"""What all requests have in common."""

from __future__ import annotations

import msgspec

RequestId = int | str | None


class Base(msgspec.Struct, tag_field="op", kw_only=True, omit_defaults=True, repr_omit_defaults=True, gc=False):
    """A request. id: a number or string of the client's choice, which the reply repeats."""

    id: RequestId = None


class JobRequest(Base):
    """What requests about one job have in common."""

    job: str
