"""Says of an attempt that it ended by a limit of what it may use."""

from __future__ import annotations

from luzia_protocol.jobs import Outcome

from luziad.jobs.attempt import ExitRecord, Verdict

_MIB = 1 << 20


def named(verdict: Verdict, end: ExitRecord) -> Verdict:
    """The verdict with the limit that killed the attempt, when one did."""
    if end.memory_limit_bytes is None or verdict.outcome is not Outcome.FAILED:
        return verdict
    return Verdict(Outcome.FAILED, f"killed by its memory limit of {end.memory_limit_bytes / _MIB:,.0f} MiB")
