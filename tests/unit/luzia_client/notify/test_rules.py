"""Who is told what, and when."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from luzia_protocol.jobs import Outcome

from luzia_client.notify.notices import Notice
from luzia_client.notify.rules import Posting, postings
from luzia_client.notify.settings import Rule, Settings, Target

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=BERLIN)
TARGETS = {name: Target(desktop=True) for name in ("phone", "desk")}


def notice(subject: Any = "failed", **more: Any) -> Notice:
    fields = {"job": "j", "project": "overbits", "agent": "claude"} | more.pop("fields", {})
    values: dict[str, Any] = {"duration_s": 60.0, "outcome": Outcome.FAILED} | more
    return Notice(subject, "1", datetime.now(UTC), fields, **values)


def names(rule: Rule, told: Notice) -> list[str]:
    return [posting.target for posting in postings(Settings(targets=TARGETS, rules=[rule]), told, NOON)]


@pytest.mark.parametrize(
    ("rule", "more", "expected"),
    [
        ({}, {}, True),
        ({"events": ["failed"]}, {}, True),
        ({"events": ["asks"]}, {}, False),
        ({"events": ["asks"]}, {"subject": "missed"}, True),
        ({"projects": ["overbits"]}, {}, True),
        ({"projects": ["api"]}, {}, False),
        ({"agents": ["codex"]}, {}, False),
        ({"tags": {"team": "web"}}, {}, False),
        ({"tags": {"team": "web"}}, {"tags": {"team": "web", "other": "x"}}, True),
        ({"outcomes": [Outcome.LOST]}, {}, False),
        ({"outcomes": [Outcome.FAILED, Outcome.LOST]}, {}, True),
        ({"longer_than_s": 61.0}, {}, False),
        ({"longer_than_s": 60.0}, {}, True),
        ({"longer_than_s": 60.0}, {"subject": "asks", "duration_s": None}, True),
    ],
)
def test_a_rule_chooses_by_everything_that_it_names(rule: dict[str, Any], more: dict[str, Any], expected: bool) -> None:
    assert names(Rule(["phone"], **rule), notice(**more)) == (["phone"] if expected else [])


def test_a_target_is_told_once_by_the_first_rule_that_matches() -> None:
    rules = [Rule(["phone"], digest_s=60.0), Rule(["phone", "desk"])]
    found = postings(Settings(targets=TARGETS, rules=rules), notice(), NOON)
    assert found == [Posting("phone", digest_s=60.0), Posting("desk")]


def test_a_job_may_name_its_target_or_none() -> None:
    settings = Settings(targets=TARGETS, rules=[Rule(["desk"])])
    assert [each.target for each in postings(settings, notice(tags={"notify": "phone"}), NOON)] == ["phone", "desk"]
    assert postings(settings, notice(tags={"notify": "none"}), NOON) == []
    [unknown, desk] = postings(settings, notice(tags={"notify": "fone"}), NOON)
    assert (unknown.target, unknown.error) == ("fone", "unknown target; configured: desk, phone")
    assert (desk.target, desk.error) == ("desk", "")


@pytest.mark.parametrize(
    ("clock", "until"),
    [
        ((2026, 3, 2, 21, 59), None),
        ((2026, 3, 2, 22, 0), (2026, 3, 3, 7, 0)),
        ((2026, 3, 3, 6, 59), (2026, 3, 3, 7, 0)),
        ((2026, 3, 3, 7, 0), None),
        ((2026, 3, 28, 23, 0), (2026, 3, 29, 7, 0)),  # the clocks go forward in that night
        ((2026, 10, 24, 23, 0), (2026, 10, 25, 7, 0)),  # and back in that one
    ],
)
def test_quiet_hours_end_at_their_time_of_day(
    clock: tuple[int, int, int, int, int], until: tuple[int, int, int, int, int] | None
) -> None:
    settings = Settings(targets=TARGETS, rules=[Rule(["phone"], quiet="22:00-07:00")])
    [posting] = postings(settings, notice(), datetime(*clock, tzinfo=BERLIN))
    assert posting.after == (None if until is None else datetime(*until, tzinfo=BERLIN))


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("quiet", "clock", "until"),
    [
        ("22:00-07:00", (2026, 3, 28, 23, 0), (2026, 3, 29, 5, 0)),  # seven o'clock is an hour earlier
        ("22:00-07:00", (2026, 10, 24, 23, 0), (2026, 10, 25, 6, 0)),
        ("22:00-07:00", (2026, 3, 29, 3, 30), (2026, 3, 29, 5, 0)),
        ("22:00-02:30", (2026, 3, 28, 23, 0), (2026, 3, 29, 1, 30)),  # there is no half past two: it is half past three
        ("22:00-02:30", (2026, 10, 24, 23, 0), (2026, 10, 25, 0, 30)),  # there are two: the first one ends it
        ("01:00-05:00", (2026, 3, 29, 1, 30), (2026, 3, 29, 3, 0)),
    ],
)
def test_quiet_hours_of_the_machine_end_at_their_time_of_day_when_clocks_change(
    in_berlin: None, quiet: str, clock: tuple[int, int, int, int, int], until: tuple[int, int, int, int, int]
) -> None:
    settings = Settings(targets=TARGETS, rules=[Rule(["phone"], quiet=quiet)])
    [posting] = postings(settings, notice(), datetime(*clock))  # noqa: DTZ001 - as the notifier has it
    assert posting.after is not None
    assert posting.after.astimezone(UTC) == datetime(*until, tzinfo=UTC)
