"""Why a job in the ready queue does not start, and its position: computed on request, never stored. Pure.

The conditions are those of ReadyQueue.pop(), which decides; a change of them is made in both.
"""

from __future__ import annotations

from math import ceil

from luziad.jobs.resources import describe_amount, describe_free
from luziad.scheduling.ready.lines import Entry, Lane, Project
from luziad.scheduling.ready.queue import ReadyQueue

HOLDERS_SHOWN = 3


def why(queue: ReadyQueue, job: str, *, whole: bool, otherwise: str | None = None) -> str:
    """What the job waits for, as text.

    whole: with its position, and the jobs that hold what it needs. otherwise: the reason for a job that would fit.
    """
    entry = queue.waiting.get(job)
    if entry is None:
        return "about to start"
    reason = _missing(queue, entry, whole=whole) or otherwise
    if reason is None:
        return "about to start"
    return f"{reason}, {ordinal(position(queue, entry))} in the queue" if whole else reason


def missing(queue: ReadyQueue, job: str) -> str | None:
    """What the job has not enough of, with the jobs that hold it, as text; None when it fits or is not ready."""
    entry = queue.waiting.get(job)
    return None if entry is None else _missing(queue, entry, whole=True)


def position(queue: ReadyQueue, entry: Entry) -> int:
    """The job's position: the number of starts until its own, if slots became free one by one and every job fitted."""
    mine = entry.line.project
    before = _before(mine, entry)
    share, turn = (mine.lane.used + before) / mine.weight, mine.turn + before / mine.weight
    ahead = before
    for project in queue.projects.values():
        if project is not mine and project.lines and project.name not in queue.paused:
            more, same, first = _count_priorities(project, entry.priority)
            ahead += more + min(same, _starts_before(project, more, share, (turn, entry.order), first))
    return ahead + 1


def position_in_project(entry: Entry) -> int:
    """The job's position among the jobs of its project."""
    return _before(entry.line.project, entry) + 1


def _before(project: Project, entry: Entry) -> int:
    """The number of jobs of its project that start before it: those of higher priority, and older ones of its own."""
    before = 0
    for line in project.lines.values():
        for priority, bucket in line.buckets.items():
            if priority > entry.priority:
                before += len(bucket)
            elif priority == entry.priority:
                before += bucket.before(entry.order)
    return before


def _count_priorities(project: Project, priority: int) -> tuple[int, int, int]:
    """The numbers of a project's jobs of higher and of this priority, and the age of the first of the latter."""
    more = same = first = 0
    for line in project.lines.values():
        for each, bucket in line.buckets.items():
            if each > priority:
                more += len(bucket)
            elif each == priority:
                first = min(first, bucket.first.order) if same else bucket.first.order
                same += len(bucket)
    return more, same, first


def _starts_before(project: Project, more: int, share: float, then: tuple[float, int], first: int) -> int:
    """The number of starts of another project, after `more` of higher priority, before that share and turn."""
    starts = share * project.weight - project.lane.used - more
    whole = max(0, ceil(starts))
    is_tie = starts >= 0 and whole == starts
    return whole + (is_tie and (project.turn + (more + whole) / project.weight, first) < then)


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, …"""
    teens = 10 < number % 100 < 20
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _missing(queue: ReadyQueue, entry: Entry, *, whole: bool) -> str | None:
    """The lane that has not enough capacity for the job, as text; None when it fits."""
    line = entry.line
    agent, *resources = line.shape.takes
    owners = [(line.project.lane, f"project {line.project.name}"), (agent[0], f"agent {agent[0].name}")]
    for (lane, owner), limit in zip(owners, (queue.limit_of(line.project.name), agent[0].capacity), strict=True):
        if lane.used >= limit:
            return f"waiting for a slot of {owner} ({lane.used} of {limit} in use)"
    for lane, amount in resources:
        if lane.capacity - lane.used < amount:
            holders = _held_by(queue, lane) if whole else ""
            return f"{_needs(lane, amount)}{holders}"
    if queue.running >= queue.slots:
        return f"waiting for a slot ({queue.running} of {queue.slots} in use)"
    reserved = queue.reserved
    lacks = any(lane.free < amount for lane, amount in [*((lane, 1) for lane, _ in owners), *resources])
    if lacks and reserved is not None and reserved is not entry:
        return f"what it needs is reserved for {reserved.job}, which has waited longer"
    if lacks and queue.reclaiming:
        return f"what it needs is reserved for {next(iter(queue.reclaiming))}, which has waited for its sub-jobs"
    return None


def why_not_back(queue: ReadyQueue, job: str) -> str:
    """What a job that has waited for its sub-jobs still waits for, before it continues, as text."""
    loan = queue.reclaiming[job]
    if queue.running >= queue.slots:
        return f"waiting to get its slot back ({queue.running} of {queue.slots} in use)"
    assert loan.project is not None
    agent = loan.claims[0][0]
    project, limit = loan.project, queue.limit_of(loan.project.name)  # also while it is paused
    limits = ((project.lane, limit, f"project {project.name}"), (agent, agent.capacity, f"agent {agent.name}"))
    for lane, capacity, owner in limits:
        if lane.used >= capacity:
            return f"waiting to get its slot of {owner} back ({lane.used} of {capacity} in use)"
    for lane, amount in loan.claims[1:]:
        if lane.capacity - lane.used < amount:
            return f"waiting to get its slot back: {_needs(lane, amount)}"
    return "waiting to get its slot back: other jobs are first"


def _needs(lane: Lane, amount: int) -> str:
    return f"needs {describe_amount(lane.name, amount)}, {describe_free(lane.name, lane.capacity, lane.used)}"


def _held_by(queue: ReadyQueue, lane: Lane) -> str:
    """The running jobs that hold some of a resource."""
    jobs = [job for job, entry in queue.held.items() if any(each is lane for each, _ in entry.line.shape.takes)]
    jobs += [job for job, loan in queue.lent.items() if any(each is lane for each, _ in loan.kept)]
    if not jobs:
        return ""
    more = f" and {len(jobs) - HOLDERS_SHOWN} more" if len(jobs) > HOLDERS_SHOWN else ""
    return f" (held by {', '.join(jobs[:HOLDERS_SHOWN])}{more})"
