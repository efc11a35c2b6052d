"""Finds names in the rules that the daemon does not know: a rule with a misspelt name would match nothing, silently."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from luzia_protocol.errors import ErrorCode, Refused

from luzia_client.api.async_client import AsyncClient
from luzia_client.notify import NotifyError
from luzia_client.notify.settings import Rule, Settings, load

NEWEST_JOBS = 1000
"""Jobs whose tags are looked at. Any tag may be set, so only one that resembles a tag in use is a mistake."""


class Known(NamedTuple):
    """What the daemon knows. projects: configured, or with jobs. tags: the values of each tag of the newest jobs."""

    projects: frozenset[str]
    agents: frozenset[str]
    tags: Mapping[str, frozenset[str]]


class Mistake(NamedTuple):
    """message: which name, and where. hint: what to do."""

    message: str
    hint: str


def check_settings(file: str, *, is_running: bool) -> list[Mistake]:
    """What is wrong with the tables, and which names in them the daemon does not know.

    file: the configuration. is_running: whether there is a daemon to ask. Raises DaemonUnreachableError.
    """
    try:
        settings = load(file)
    except NotifyError as exc:
        return [Mistake(exc.message, exc.hint)]
    return asyncio.run(_check(settings)) if is_running else []


async def _check(settings: Settings) -> list[Mistake]:
    async with AsyncClient(autostart=False) as client:
        return await find_mistakes(settings, client)


async def find_mistakes(settings: Settings, client: AsyncClient) -> list[Mistake]:
    """The names in the rules that the daemon does not know. Raises DaemonUnreachableError."""
    if not any(rule.projects or rule.agents or rule.tags for rule in settings.rules):
        return []
    try:
        known = await _ask(settings.rules, client)
    except Refused as refused:
        return [Mistake(f"the names in [[notify.rules]] cannot be checked now: {refused.message}", refused.hint)]
    return list(unknown_names(settings.rules, known))


async def _ask(rules: Iterable[Rule], client: AsyncClient) -> Known:
    projects = {project.name for project in (await client.list_projects()).projects}
    for name in {name for rule in rules for name in rule.projects if name not in projects and "/" not in name}:
        try:
            await client.list_jobs(projects=name, limit=1)
            projects.add(name)
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_PROJECT:
                raise
    newest = (await client.list_jobs(limit=NEWEST_JOBS)).jobs
    projects |= {job.project for job in newest}
    agents = {agent.name for agent in (await client.list_agents(versions=False)).agents} | {job.agent for job in newest}
    tags: dict[str, set[str]] = {}
    for job in newest:
        for name, value in job.tags.items():
            tags.setdefault(name, set()).add(value)
    return Known(frozenset(projects), frozenset(agents), {name: frozenset(values) for name, values in tags.items()})


def unknown_names(rules: Iterable[Rule], known: Known) -> Iterator[Mistake]:
    """The mistakes in the rules, in their order."""
    for number, rule in enumerate(rules, 1):
        place = f"rule {number} of [[notify.rules]]"
        for name in rule.projects:
            if "/" in name:
                yield Mistake(f"{place}: project '{name}' is a path", "Write the project's name: see `luzia projects`.")
            elif name not in known.projects:
                yield _mistake(place, "project", name, known.projects, "`luzia projects` lists the projects.")
        for name in rule.agents:
            if name not in known.agents:
                yield _mistake(place, "agent", name, known.agents, "`luzia agents` lists the agents.")
        for name, value in rule.tags.items():
            if name not in known.tags:
                if _nearest(name, known.tags):
                    yield _mistake(place, "tag", name, known.tags, "")
            elif value not in known.tags[name] and _nearest(value, known.tags[name]):
                yield _mistake(place, f"value of the tag '{name}':", value, known.tags[name], "")


def _mistake(place: str, what: str, name: str, known: Iterable[str], otherwise: str) -> Mistake:
    near = _nearest(name, known)
    meant = f"Did you mean '{near}'?" if near else ""
    return Mistake(f"{place}: unknown {what} '{name}'", f"{meant} {otherwise}".strip())


def _nearest(name: str, known: Iterable[str]) -> str | None:
    by_letters = {each.lower(): each for each in known}
    near = get_close_matches(name.lower(), list(by_letters), n=1)
    return by_letters[near[0]] if near else None
