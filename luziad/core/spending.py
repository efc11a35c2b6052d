"""What a job has used of its budget. Pure: of its record alone."""

from __future__ import annotations

from typing import NamedTuple

from luzia_protocol.jobs import Terms

from luziad.core.record import JobRecord

_NOTHING = Terms()


class Budget(NamedTuple):
    """US dollars and turns of the model; None is without a limit."""

    cost_usd: float | None
    turns: int | None


def spent(record: JobRecord) -> tuple[float, int]:
    """The agents' own estimates of the cost, and the turns, of all attempts since a person asked for the job last."""
    first = 1 if record.fate.again is None else record.fate.again.first
    known = [each.activity for each in record.fate.attempts[first - 1 :] if each.activity is not None]
    return sum(each.cost_usd or 0.0 for each in known), sum(each.turns for each in known)


def left(record: JobRecord) -> Budget:
    """What the attempt to come may use; never nothing, for agents take 0 as no limit."""
    terms = record.spec.terms or _NOTHING
    if terms.max_cost_usd is None and terms.max_turns is None:
        return Budget(None, None)
    cost_usd, turns = spent(record)
    return Budget(
        None if terms.max_cost_usd is None else max(0.01, terms.max_cost_usd - cost_usd),
        None if terms.max_turns is None else max(1, terms.max_turns - turns),
    )


def breach(record: JobRecord) -> str | None:
    """What the job has used more of than it may, in words; None while it keeps its budget."""
    terms = record.spec.terms or _NOTHING
    if terms.max_cost_usd is None and terms.max_turns is None:
        return None
    cost_usd, turns = spent(record)
    if terms.max_cost_usd is not None and cost_usd > terms.max_cost_usd:
        return f"it cost ${cost_usd:.2f}, and its budget is ${terms.max_cost_usd:.2f}"
    if terms.max_turns is not None and turns > terms.max_turns:
        return f"it took {turns} turns, and its budget is {terms.max_turns}"
    return None
