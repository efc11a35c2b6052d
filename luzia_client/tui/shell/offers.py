"""What lines can name, and which of it begins with what is typed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from luzia_protocol.jobs import Job, JobState
from luzia_protocol.replies import Agent, Project

from luzia_client.cli.render import state_word
from luzia_client.cli.text import harmless, one_line
from luzia_client.tui.shell.words import quoted

MAX_JOBS = 200
"""So many ids at once are enough to choose from."""
META_CHARS = 60


class Choice(NamedTuple):
    """text: what it puts into the line. start: from where on. shown: what it is called. meta: what it means."""

    text: str
    start: int
    shown: str
    meta: str = ""


class Known(NamedTuple):
    """What the daemon told. jobs: newest first."""

    projects: Sequence[Project] = ()
    agents: Sequence[Agent] = ()
    jobs: Sequence[Job] = ()


class Place(NamedTuple):
    """What is being typed. before: the words before it, without the program's name. word: its text so far.

    start: where it begins in the line. known: what there is to name.
    """

    before: list[str]
    word: str
    start: int
    known: Known


class Files(NamedTuple):
    """The names of files that begin with `word` are wanted, which only the disk knows.

    start: where the whole word begins in the line. prefix: what stands in it before the name, and stays.
    """

    word: str
    start: int
    prefix: str = ""
    only_directories: bool = False


Offers = Iterable[tuple[str, str]]
"""Words with what they mean."""


def projects(known: Known) -> Offers:
    return [(project.name, one_line(project.path, META_CHARS)) for project in known.projects]


def agents(known: Known) -> Offers:
    return [(each.name, "" if each.installed else "not installed") for each in known.agents]


def tags(known: Known) -> Offers:
    return [(tag, "") for tag in dict.fromkeys(f"{key}={text}" for job in known.jobs for key, text in job.tags.items())]


def states() -> Offers:
    return [(state.value, "") for state in JobState]


def matching(place: Place, offers: Offers, prefix: str = "") -> list[Choice]:
    """The offers that begin with the word. prefix: what stands before the word, and stays."""
    return [_choice(place, text, meta, prefix) for text, meta in offers if text.startswith(place.word)]


def _choice(place: Place, text: str, meta: str, prefix: str) -> Choice:
    return Choice(prefix + quoted(text), place.start, harmless(text), meta)


def jobs(place: Place, prefix: str = "", named: Sequence[str] = ()) -> list[Choice]:
    """Jobs by their ids, or by a word of their tasks; those that are named already are left out."""
    word = place.word.lower()
    found = [Choice(prefix + "@last", place.start, "@last", "the newest of yours")] if "@last".startswith(word) else []
    for job in place.known.jobs:
        if job.id in named or not (job.id.startswith(word) or _tells(job, word)):
            continue
        meta = f"{state_word(job.state):<9} {one_line(job.task, META_CHARS)}"
        found.append(Choice(prefix + job.id, place.start, job.id, meta))
        if len(found) > MAX_JOBS:
            break
    return found


def _tells(job: Job, word: str) -> bool:
    """Whether the id ends with the word, or the task has it; one character is no word."""
    return len(word) > 1 and (job.id.endswith(word) or word in job.task.lower())


def _last_of_list(place: Place, prefix: str) -> tuple[Place, str, list[str]]:
    """The place of the last part of a list with commas, what stands before it, and the parts there."""
    head, comma, tail = place.word.rpartition(",")
    return place._replace(word=tail), prefix + head + comma, head.split(",")


def listed(place: Place, prefix: str, named: Sequence[str] = ()) -> list[Choice]:
    """Ids with commas between them."""
    last, before, there = _last_of_list(place, prefix)
    return jobs(last, before, [*named, *there])


def listed_words(place: Place, offers: Offers, prefix: str) -> list[Choice]:
    """Words with commas between them."""
    last, before, there = _last_of_list(place, prefix)
    return matching(last, [offer for offer in offers if offer[0] not in there], before)
