"""Which agent wins the races of which project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from luzia_protocol.jobs import Job, JobState, Review

from luzia_client.review.races import report_race


class AgentRecord(msgspec.Struct):
    """What an agent, with a model, has achieved in the races of a project.

    races: how many racers it has been. verified: racers whose work
    passed the verification. won: racers whose work was accepted. cost_usd: of those whose cost is known.
    """

    project: str
    agent: str
    model: str | None
    races: int = 0
    completed: int = 0
    verified: int = 0
    won: int = 0
    cost_usd: float | None = None


def count_wins(races: Iterable[Sequence[Job]]) -> list[AgentRecord]:
    """The records of all agents by project, those that have won most first. races: the jobs of each."""
    found: dict[tuple[str, str, str | None], AgentRecord] = {}
    for jobs in races:
        race = report_race(jobs, with_changes=False)
        for racer in race.racers:
            place = (race.project, racer.agent, racer.model)
            record = found.setdefault(place, AgentRecord(*place))
            record.races += 1
            record.completed += racer.state is JobState.COMPLETED
            record.verified += bool(racer.verified)
            record.won += racer.review is Review.ACCEPTED
            if racer.cost_usd is not None:
                record.cost_usd = (record.cost_usd or 0.0) + racer.cost_usd
    return sorted(found.values(), key=lambda each: (each.project, -each.won, -each.verified, each.agent))
