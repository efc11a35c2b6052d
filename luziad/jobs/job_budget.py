"""What a job has used of its budget, computed from its record. Pure."""

from __future__ import annotations

from typing import NamedTuple

from luzia_protocol.money import format_usd

from luziad.jobs.record import JobRecord


class Budget(NamedTuple):
    """A cost in US dollars and a number of the model's turns; None is no limit."""

    cost_usd: float | None
    turns: int | None


NO_BUDGET = Budget(None, None)
_MIN_COST_USD = 0.0001


def spending_of(record: JobRecord) -> tuple[float, int]:
    """The cost, as the agents estimate it, and the turns of all attempts since the job was last requested."""
    known = [each.activity for each in record.status.attempts[record.first_number - 1 :] if each.activity is not None]
    return sum(each.cost_usd or 0.0 for each in known), sum(each.turns for each in known)


def remaining_budget(record: JobRecord, budget: Budget, day_cost_usd: float | None = None) -> Budget:
    """What the next attempt may use; never 0, which agents take as no limit.

    day_cost_usd: what remains of the daily budget.
    """
    if budget == NO_BUDGET and day_cost_usd is None:
        return NO_BUDGET
    cost_usd, turns = spending_of(record)
    costs = [day_cost_usd, None if budget.cost_usd is None else budget.cost_usd - cost_usd]
    known = [each for each in costs if each is not None]
    return Budget(
        max(_MIN_COST_USD, min(known)) if known else None,
        None if budget.turns is None else max(1, budget.turns - turns),
    )


def describe_overrun(record: JobRecord, budget: Budget) -> str | None:
    """How the job has exceeded its budget, as text; None while it has not."""
    if budget == NO_BUDGET:
        return None
    cost_usd, turns = spending_of(record)
    if budget.cost_usd is not None and cost_usd > budget.cost_usd:
        return f"it cost {format_usd(cost_usd)}, and its budget is {format_usd(budget.cost_usd)}"
    if budget.turns is not None and turns > budget.turns:
        return f"it took {turns} turn{'' if turns == 1 else 's'}, and its budget is {budget.turns}"
    return None
