"""`spend`: what attempts have cost, in groups, with the budgets of the day."""

from __future__ import annotations

import time

from luzia_protocol.spending import Spend

from luziad.handlers.replies import Call, SlicedReply
from luziad.handlers.services import Services
from luziad.operations.spend import SpendSummary
from luziad.scheduling.gates.daily_budget import day_around


def spend(services: Services, request: Spend, call: Call) -> SlicedReply:
    """The sums of the jobs that are remembered."""
    del call
    now, config = time.time(), services.config
    projects = frozenset(map(services.find_project, request.projects))
    since = 0.0 if request.since is None else request.since.timestamp()
    launcher = services.scheduler.launcher
    sums = SpendSummary(
        request.by, since, config.prices, lambda record: launcher.agent_options(record).model, now, day_around(now)
    )
    for record in list(services.table.newest_first()):
        if record.durable and record.status.attempts and (not projects or record.project in projects):
            sums.add(record)
        yield
    amounts = services.scheduler.daily_budget.amounts().items()
    budgets = [(name, limit, left) for name, (limit, left) in amounts if not projects or name in projects]
    return sums.report(budgets, config.daemon.count_computed_costs)
