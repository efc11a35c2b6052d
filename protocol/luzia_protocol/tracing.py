"""The ids of traces and spans: luziad gives them to agents, and an exporter gives the same ones to a collector. Pure.

The ids follow from the ids of jobs alone, so the two agree without telling each other anything. See the recommendation
Trace Context of the W3C for the form.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def trace_id(job: str, ancestors: Sequence[str] = ()) -> str:
    """The trace of a job, 32 hexadecimal digits: that of the job from inside which all began.

    ancestors: its parent last, before it the parent's parent, and so on.
    """
    return sha256(f"luzia trace {ancestors[0] if ancestors else job}".encode()).hexdigest()[:32]


def span_id(job: str, attempt: int) -> str:
    """The span of an attempt, 16 hexadecimal digits."""
    return sha256(f"luzia span {job} {attempt}".encode()).hexdigest()[:16]


def traceparent(job: str, ancestors: Sequence[str], attempt: int) -> str:
    """The value of TRACEPARENT for what an attempt starts; it says that the trace is recorded."""
    return f"00-{trace_id(job, ancestors)}-{span_id(job, attempt)}-01"
