"""Why a job in the ready queue does not start, and its place there: worked out when somebody asks, never stored."""

from __future__ import annotations

from math import ceil

from luziad.jobs.resources import describe_amount, describe_free
from luziad.scheduling.ready.lines import Entry, Lane, Project
from luziad.scheduling.ready.queue import ReadyQueue

HOLDERS_TOLD = 3


def why(queue: ReadyQueue, job: str, *, whole: bool, otherwise: str | None = None) -> str:
    """What the job waits for, in words; `whole` also tells its place and who holds what it needs.

    otherwise: what keeps a job from starting for which there is room everywhere.
    """
    entry = queue.waiting.get(job)
    if entry is None:
        return "about to start"
    words = _what_lacks(queue, entry, whole=whole) or otherwise
    if words is None:
        return "about to start"
    return f"{words}, {ordinal(place(queue, entry))} in the queue" if whole else words


def place(queue: ReadyQueue, entry: Entry) -> int:
    """The job's place: how many would start until it does, if slots became free one by one and every job fitted."""
    mine = entry.line.project
    before = _before(mine, entry)
    share, turn = (mine.lane.used + before) / mine.weight, mine.turn + before / mine.weight
    ahead = before
    for project in queue.projects.values():
        if project is not mine and project.lines and project.name not in queue.paused:
            more, same, first = _as_urgent(project, entry.priority)
            ahead += more + min(same, _starts_before(project, more, share, (turn, entry.order), first))
    return ahead + 1


def _before(project: Project, entry: Entry) -> int:
    """How many jobs of the job's own project go before it: more urgent ones, and older ones of its priority."""
    before = 0
    for line in project.lines.values():
        for priority, bucket in line.buckets.items():
            if priority > entry.priority:
                before += len(bucket)
            elif priority == entry.priority:
                before += bucket.before(entry.order)
    return before


def _as_urgent(project: Project, priority: int) -> tuple[int, int, int]:
    """How many jobs of a project are more urgent, how many are of this priority, and the age of the first of these."""
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
    """How many starts another project has after `more` urgent ones until it comes after that share, turn and age."""
    starts = share * project.weight - project.lane.used - more
    whole = max(0, ceil(starts))
    is_tie = starts >= 0 and whole == starts
    return whole + (is_tie and (project.turn + (more + whole) / project.weight, first) < then)


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, …"""
    teens = 10 < number % 100 < 20
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _what_lacks(queue: ReadyQueue, entry: Entry, *, whole: bool) -> str | None:
    """The lane that has not enough room for the job, None when there is none."""
    line = entry.line
    agent, *resources = line.shape.takes
    limits = [(line.project.lane, f"project {line.project.name}"), (agent[0], f"lane {agent[0].name}")]
    for (lane, what), most in zip(limits, (queue.limit_of(line.project.name), agent[0].capacity), strict=True):
        if lane.used >= most:
            return f"limit {lane.used}/{most} of {what}"
    for lane, amount in resources:
        if lane.capacity - lane.used < amount:
            held = _held_by(queue, lane) if whole else ""
            free = describe_free(lane.name, lane.capacity, lane.used)
            return f"needs {describe_amount(lane.name, amount)}, {free}{held}"
    if queue.running >= queue.slots:
        return f"limit {queue.running}/{queue.slots} of all projects"
    lanes = [*((lane, 1) for lane, _ in limits), *resources]
    reserved = queue.reserved
    if reserved is not None and reserved is not entry:
        if any(lane.free < amount for lane, amount in lanes):
            return f"what it needs is kept for {reserved.job}, which has waited longer"
    if queue.reclaiming and any(
        lane.free < amount for lane, amount in [*((lane, 1) for lane, _ in limits), *resources]
    ):
        return f"what it needs is kept for {next(iter(queue.reclaiming))}, which has waited for its sub-jobs"
    return None


def why_not_back(queue: ReadyQueue, job: str) -> str:
    """What a job that has waited for its sub-jobs still waits for, before it runs on."""
    loan = queue.reclaiming[job]
    if queue.running >= queue.slots:
        return f"waits for its slot: limit {queue.running}/{queue.slots} of all projects"
    assert loan.project is not None
    agent = loan.claims[0][0]
    project, most = loan.project, queue.limit_of(loan.project.name)  # also while it is paused
    limits = ((project.lane, most, f"project {project.name}"), (agent, agent.capacity, f"lane {agent.name}"))
    for lane, capacity, what in limits:
        if lane.used >= capacity:
            return f"waits for its slot: limit {lane.used}/{capacity} of {what}"
    for lane, amount in loan.claims[1:]:
        if lane.capacity - lane.used < amount:
            words = f"needs {describe_amount(lane.name, amount)}, {describe_free(lane.name, lane.capacity, lane.used)}"
            return f"waits for its slot: {words}"
    return "waits for its slot: others have asked before it"


def _held_by(queue: ReadyQueue, lane: Lane) -> str:
    """The running jobs that have some of a resource."""
    jobs = [job for job, entry in queue.held.items() if any(each is lane for each, _ in entry.line.shape.takes)]
    jobs += [job for job, loan in queue.lent.items() if any(each is lane for each, _ in loan.kept)]
    if not jobs:
        return ""
    more = f" and {len(jobs) - HOLDERS_TOLD} more" if len(jobs) > HOLDERS_TOLD else ""
    return f" (held by {', '.join(jobs[:HOLDERS_TOLD])}{more})"
