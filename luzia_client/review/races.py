"""Races: the same task for several agents or models, each in its own worktree from the same commit.

It works through the Python API and git, for the command line, the review and the web page alike.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import MAX_PRIORITY, Job, JobState, Race, Review
from luzia_protocol.replies import GraphResult
from luzia_protocol.requests import MAX_PAGE

from luzia_client.api.client import Client
from luzia_client.api.requests import GraphJob
from luzia_client.trees import WorktreeError, diff


class Racer(msgspec.Struct, frozen=True):
    """Who takes part: an agent, None for the project's, and its model, None for the configured one."""

    agent: str | None
    model: str | None = None


class Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a racer has achieved.

    verified: whether its work passed the project's verification; None if that has not ended or there is none.
    check: the job of the verification. files, added, deleted: the size of its changes; None without a worktree.
    cost_usd: by the agent's own estimate. duration_s: how long its newest attempt ran.
    """

    job: str
    name: str
    agent: str
    model: str | None
    state: JobState
    review: Review | None
    reason: str | None = None
    verified: bool | None = None
    check: str | None = None
    files: int | None = None
    added: int | None = None
    deleted: int | None = None
    cost_usd: float | None = None
    duration_s: float | None = None


class RaceReport(msgspec.Struct, frozen=True):
    """A race with its racers, in the order of their dispatch."""

    race: str
    project: str
    task: str
    created_at: datetime
    racers: list[Standing]


def dispatch_race(
    client: Client,
    project: str,
    task: str,
    racers: Sequence[Racer],
    *,
    verify: str | None,
    first_verified: bool = False,
    base: str | None = None,
    key: str | None = None,
) -> tuple[str, GraphResult]:
    """Dispatch all racers or none, each with a verification of its work if there is one; returns the id of the race.

    verify: the project's command. first_verified: the first verified racer ends the others. base: where they begin.
    key: as of a graph. Raises Refused.
    """
    race = secrets.token_hex(2) if key is None else key
    jobs: list[GraphJob] = []
    for name, racer in zip(_names(race, racers), racers, strict=True):
        racing: GraphJob = {"project": project, "name": name, "task": task, "worktree": True}
        racing |= {"agent": racer.agent, "model": racer.model, "base": base, "race": Race(race)}
        jobs.append(racing)
        if verify is not None:
            check: GraphJob = {"project": project, "name": f"{name}-verify", "argv": ["/bin/sh", "-c", verify]}
            check |= {"after": [name], "with_work": True, "retries": 0}
            check |= {"race": Race(race, check=True, first=first_verified), "priority": MAX_PRIORITY}
            jobs.append(check)
    return race, client.graph(jobs, key)


def _names(race: str, racers: Sequence[Racer]) -> list[str]:
    """`race-3f2a-claude`, `race-3f2a-opus-2`: the names of the racers in their graph."""
    words = [_word(racer.model or racer.agent or "agent") for racer in racers]
    total, seen = Counter(words), Counter[str]()
    names = []
    for word in words:
        seen[word] += 1
        names.append(f"race-{race}-{word}-{seen[word]}" if total[word] > 1 else f"race-{race}-{word}")
    return names


def _word(text: str) -> str:
    """What a name of a job may contain of a model or an agent."""
    return "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "-" for each in text)[:24]


def find_race(client: Client, name: str) -> list[Job]:
    """All jobs of a race, by its id or by a job of it, the oldest first; empty if there is none. Raises Refused."""
    found = list(_pages(client, tags={"race": name}))
    if not found:
        job = client.get_job(name)
        found = [] if job.race is None else list(_pages(client, tags={"race": job.race.id}))
    return found[::-1]


def list_races(client: Client, projects: Sequence[str] = (), since: datetime | None = None) -> list[list[Job]]:
    """The jobs of every remembered race, the newest race first, each with its oldest job first."""
    jobs = _pages(client, projects=projects, search="race=", since=since)
    return [each[::-1] for each in _by_race(jobs).values()]


def list_all_races(client: Client, projects: Sequence[str] = (), since: datetime | None = None) -> list[list[Job]]:
    """The jobs of every race, also those that were removed, in no order."""
    jobs = {job.id: job for job in _past(client, projects, since)}
    jobs |= {job.id: job for job in _pages(client, projects=projects, search="race=", since=since)}
    return list(_by_race(jobs.values()).values())


def _by_race(jobs: Iterable[Job]) -> dict[str, list[Job]]:
    races: dict[str, list[Job]] = {}
    for job in jobs:
        if job.race is not None:
            races.setdefault(job.race.id, []).append(job)
    return races


def _past(client: Client, projects: Sequence[str], since: datetime | None) -> Iterator[Job]:
    cursor: int | None = None
    while True:
        page = client.list_past_races(projects, since=since, cursor=cursor)
        yield from page.jobs
        cursor = page.next
        if cursor is None:
            return


def _pages(client: Client, **filters: object) -> Iterator[Job]:
    cursor: int | None = None
    while True:
        page = client.list_jobs(limit=MAX_PAGE, cursor=cursor, **filters)  # type: ignore[arg-type]  # of list_jobs
        yield from page.jobs
        cursor = page.next
        if cursor is None:
            return


def report_race(jobs: Sequence[Job], *, with_changes: bool = True) -> RaceReport:
    """The racers beside each other. jobs: those of one race. with_changes: let git count what each has changed."""
    racers = [job for job in jobs if job.race is not None and not job.race.check]
    checks = {job.after[0]: job for job in jobs if job.race is not None and job.race.check and job.after}
    first = jobs[0]
    assert first.race is not None
    standings = [_standing(job, checks.get(job.id), with_changes) for job in racers]
    return RaceReport(first.race.id, first.project, first.task, first.created_at, standings)


def _standing(job: Job, check: Job | None, with_changes: bool) -> Standing:
    changes = _changes(job) if with_changes else None
    ended = check is not None and check.state in (JobState.COMPLETED, JobState.FAILED, JobState.TIMED_OUT)
    return Standing(
        job=job.id,
        name=job.node or job.id,
        agent=job.agent,
        model=job.model or (job.launch.model if job.launch is not None else None),
        state=job.state,
        review=job.review,
        reason=job.reason,
        verified=check.state is JobState.COMPLETED if check is not None and ended else None,
        check=check.id if check is not None else None,
        files=None if changes is None else len(changes),
        added=None if changes is None else sum(up or 0 for _, up, _ in changes),
        deleted=None if changes is None else sum(down or 0 for *_, down in changes),
        cost_usd=job.activity.cost_usd if job.activity is not None else None,
        duration_s=job.duration_s,
    )


def _changes(job: Job) -> list[tuple[str, int | None, int | None]] | None:
    if job.worktree is None:
        return None
    try:
        return diff.changed_files(job.worktree)
    except WorktreeError:  # it is not made yet, not this user's, or damaged: the size stays unknown
        return None


def find_rivals(client: Client, job: Job) -> list[Job]:
    """The other racers of the job's race that are in progress or have work; none for a job without a race."""
    if job.race is None or job.race.check:
        return []
    return [
        each
        for each in find_race(client, job.race.id)
        if each.race is not None
        and not each.race.check
        and each.id != job.id
        and each.review is not Review.ACCEPTED
        and (not each.state.is_final or each.worktree is not None)
    ]


def discard_rivals(client: Client, rivals: Sequence[Job]) -> Iterator[tuple[Job, Refused | None]]:
    """End the racers that are in progress, and discard the work of all; `luzia restore-work` restores it.

    Yields each with None, or with why its work was not discarded.
    """
    for job in rivals:
        try:
            if not job.state.is_final:
                client.cancel(job.id)
                client.wait(job.id)
            if client.get_job(job.id).worktree is not None:
                client.discard(job.id)
            yield job, None
        except Refused as refused:
            yield job, refused
