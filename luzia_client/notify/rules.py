"""Which targets a notice goes to, and when. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from luzia_client.notify.notices import Notice
from luzia_client.notify.settings import Rule, Settings

TAG = "notify"
"""The tag of a job that names a target for its notices, besides the rules; NOBODY for none at all."""

NOBODY = "none"


class Posting(msgspec.Struct, frozen=True):
    """A target, and how its notice is delivered.

    after: not before that. digest_s: seconds during which others are collected. error: why it cannot be delivered.
    """

    target: str
    after: datetime | None = None
    digest_s: float = 0.0
    error: str = ""


def postings(settings: Settings, notice: Notice, now: datetime) -> list[Posting]:
    """Each target once, by the first rule that matches. now: aware, in the zone of the quiet hours."""
    asked = notice.tags.get(TAG)
    if asked == NOBODY:
        return []
    found: dict[str, Posting] = {}
    if asked is not None:
        known = ", ".join(sorted(settings.targets))
        found[asked] = Posting(asked, error="" if asked in settings.targets else f"unknown target; configured: {known}")
    for rule in settings.rules:
        if _matches(rule, notice):
            for target in rule.targets:
                found.setdefault(target, Posting(target, _quiet_until(rule, now), rule.digest_s))
    return list(found.values())


def _matches(rule: Rule, notice: Notice) -> bool:
    return all(_conditions(rule, notice))


def _conditions(rule: Rule, notice: Notice) -> Iterator[bool]:
    fields = notice.fields
    yield not rule.events or notice.subject in rule.events or notice.subject == "missed"
    if "job" in fields:
        yield not rule.projects or fields.get("project") in rule.projects
        yield all(notice.tags.get(name) == value for name, value in rule.tags.items())
        yield not rule.outcomes or notice.outcome is None or notice.outcome in rule.outcomes
        yield notice.duration_s is None or notice.duration_s >= rule.longer_than_s
    if "agent" in fields:
        yield not rule.agents or fields["agent"] in rule.agents


def _quiet_until(rule: Rule, now: datetime) -> datetime | None:
    """The end of the quiet hours that it is in; None outside of them."""
    hours = rule.quiet_hours
    if hours is None:
        return None
    begin, end = hours
    clock = now.timetz().replace(tzinfo=None)
    inside = begin <= clock < end if begin < end else clock >= begin or clock < end
    if not inside:
        return None
    day = now.date() if clock < end else now.date() + timedelta(days=1)
    local = datetime.combine(day, end)
    return _on_this_machine(local) if now.tzinfo is None else local.replace(tzinfo=now.tzinfo)


def _on_this_machine(local: datetime) -> datetime:
    """The moment of a time of day; for one that the clocks leave out, the moment when they have passed it."""
    moment = local.astimezone()
    if moment.replace(tzinfo=None) == local:
        return moment
    return max(moment, local.replace(fold=1).astimezone())
