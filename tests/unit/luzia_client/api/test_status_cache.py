"""What a client remembers of jobs, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from luzia_protocol.jobs import Job, JobState

from luzia_client.api.status_cache import StatusCache


def job(name: str) -> Job:
    return Job(
        id=name,
        name=f"agent:overbits:{name}",
        project="overbits",
        agent="shell",
        task="t",
        state=JobState.RUNNING,
        created_at=datetime.now(UTC),
    )


def test_what_is_too_old_to_be_told_again_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setenv("LUZIA_CACHE_TTL", "2")
    monkeypatch.setattr("luzia_client.api.status_cache.time.monotonic", lambda: now)
    cache = StatusCache()
    for number in range(200):
        name = f"120000-{number:04x}"
        cache.put(name, job(name))
        assert cache.get(name) is not None
        now += 0.1
    assert cache.get("120000-00c6") is not None  # a moment ago
    assert cache.get("120000-0000") is None
    assert len(cache) <= 22  # those of the last two seconds, and a few that go with the next


def test_a_job_that_is_asked_about_again_is_as_young_as_its_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setenv("LUZIA_CACHE_TTL", "2")
    monkeypatch.setattr("luzia_client.api.status_cache.time.monotonic", lambda: now)
    cache = StatusCache()
    cache.put("old", job("old"))
    now += 1.9
    cache.put("old", job("old"))
    now += 1.0
    cache.put("other", job("other"))
    assert cache.get("old") is not None
