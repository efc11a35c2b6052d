"""The keys in the footer of `luzia top`."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from luzia_protocol.activity import Question
from luzia_protocol.jobs import Job, JobState, Worktree

from luzia_client.tui.top.keys import KEYS, LIST, one_of_each_kind

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_a_footer_asks_one_job_of_each_kind_instead_of_all() -> None:
    chance = random.Random(1)
    for marked in range(1, 300):
        jobs = [_a_job(chance) for _ in range(marked % 6 + 1)]
        assert KEYS.format_footer(LIST, one_of_each_kind(jobs), 500) == KEYS.format_footer(LIST, jobs, 500)


def test_thousands_of_jobs_alike_are_one_kind() -> None:
    job = _a_job(random.Random(1))
    assert one_of_each_kind([job] * 20_000) == [job]


def _a_job(chance: random.Random) -> Job:
    """One in any state, with and without what keys act on."""
    return Job(
        id=f"120000-{chance.randrange(1 << 16):04x}",
        name="",
        project="overbits",
        agent="shell",
        task="task",
        state=chance.choice(list(JobState)),
        created_at=NOW,
        question=chance.choice([None, Question(id="q1", type="permission", tool="Bash", text="rm -rf build")]),
        worktree=chance.choice([None, Worktree("/w", "/w", "luzia/1", "0" * 40, "main", "/srv")]),
    )
