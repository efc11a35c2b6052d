"""What a job has used of its budget. Pure: of its record alone."""

from __future__ import annotations

from typing import NamedTuple

from luziad.jobs.record import JobRecord


class Budget(NamedTuple):
    """US dollars and turns of the model; None is without a limit."""

    cost_usd: float | None
    turns: int | None


NO_BUDGET = Budget(None, None)


def spent(record: JobRecord) -> tuple[float, int]:
    """The agents' own estimates of the cost, and the turns, of all attempts since a person asked for the job last."""
    first = 1 if record.fate.again is None else record.fate.again.first
    known = [each.activity for each in record.fate.attempts[first - 1 :] if each.activity is not None]
    return sum(each.cost_usd or 0.0 for each in known), sum(each.turns for each in known)


def left(record: JobRecord, budget: Budget, left_of_day: float | None = None) -> Budget:
    """What the attempt to come may use; never nothing, for agents take 0 as no limit."""
    if budget == NO_BUDGET and left_of_day is None:
        return NO_BUDGET
    cost_usd, turns = spent(record)
    costs = [left_of_day, None if budget.cost_usd is None else budget.cost_usd - cost_usd]
    known = [each for each in costs if each is not None]
    return Budget(
        max(0.01, min(known)) if known else None,
        None if budget.turns is None else max(1, budget.turns - turns),
    )


def breach(record: JobRecord, budget: Budget) -> str | None:
    """What the job has used more of than it may, in words; None while it keeps its budget."""
    if budget == NO_BUDGET:
        return None
    cost_usd, turns = spent(record)
    if budget.cost_usd is not None and cost_usd > budget.cost_usd:
        return f"it cost ${cost_usd:.2f}, and its budget is ${budget.cost_usd:.2f}"
    if budget.turns is not None and turns > budget.turns:
        return f"it took {turns} turns, and its budget is {budget.turns}"
    return None
