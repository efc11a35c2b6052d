"""What was asked about when a job runs and how often; few jobs have it. Pure data, times are epoch seconds."""

from __future__ import annotations

import msgspec


class Terms(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The part of a spec that says when. not_before: no attempt starts earlier."""

    not_before: float | None = None
