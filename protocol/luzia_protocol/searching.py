"""The full-text search over jobs. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from luzia_protocol.base import Base
from luzia_protocol.dispatch import AwareTime
from luzia_protocol.jobs import JobState

MAX_HITS = 100
Where = Literal["task", "message", "transcript", "files"]


class Search(Base, tag="search"):
    """Jobs by words in their tasks, agents' messages, changed files and transcripts, newest first.

    Answered by replies.SearchPage.

    words: all must be found in the same attempt, in any case and with or without diacritics. A `"phrase"` in quotation
    marks is found as it stands; a `*` at the end of a word or after a phrase stands for any end of the last word.
    Up to MAX_SEARCH_WORDS words in MAX_SEARCH_CHARS characters.
    projects, agents, states, tags, parent, since: as in `list`.
    limit: jobs per page, 1 to MAX_HITS. cursor: the `next` of the previous page, with all other fields unchanged.
    """

    words: str
    projects: list[str] = []
    states: list[JobState] = []
    agents: list[str] = []
    tags: dict[str, str] = {}
    parent: str | None = None
    since: AwareTime | None = None
    limit: int = 20
    cursor: int | None = None


class SearchRebuild(Base, tag="search_rebuild"):
    """Delete the index of the full-text search and build it again, in the background.

    Answered by replies.SearchRebuilt.
    """


class Piece(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A part of an excerpt. found: it is one of the words that were searched for."""

    text: str
    found: bool = False


class Hit(msgspec.Struct, frozen=True, gc=False):
    """A job that was found. task: its beginning, as in lists.

    where: the text that has most of the words. attempt: the newest attempt that has them; 0 for a job without one.
    excerpt: a part of this text in one line.
    """

    job: str
    project: str
    agent: str
    state: JobState
    created_at: datetime
    task: str
    where: Where
    attempt: int
    excerpt: list[Piece]


class SearchPage(msgspec.Struct, frozen=True):
    """A page of jobs that were found.

    next: the cursor of the next page, None on the last one.
    complete: False when the search has met its time limit before the end of the page; `next` continues it.
    pending: jobs that are not in the index yet, or not with their newest attempt.
    dropped: the texts of the oldest jobs are not in the index, because it has reached its size.
    problem: why the index lacks jobs; None when nothing is wrong.
    """

    hits: list[Hit]
    next: int | None
    complete: bool
    pending: int
    dropped: bool
    problem: str | None = None


class SearchRebuilt(msgspec.Struct, frozen=True):
    """The index is being built again. indexing: the number of jobs."""

    indexing: int
