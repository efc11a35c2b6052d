"""Completion at the prompt, from the generated table of the commands, the names that the daemon sent, and files.

Names of files are read in a thread, so that typing never blocks.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from luzia_protocol.environment import is_path
from luzia_protocol.jobs import Job
from luzia_protocol.replies import Agent, Project
from luzia_protocol.schedules import Schedule

from luzia_client.cli.completion.complete import (
    COMMAND_STATES,
    DISPATCH_COMMANDS,
    REFERENCES,
    complete_static_value,
    complete_word,
    load_commands,
    offer_of_agents,
)
from luzia_client.cli.completion.engine import Candidates, Line
from luzia_client.cli.show.formatting import format_state
from luzia_client.cli.show.text import harmless, one_line
from luzia_client.tui.shell.line_parser import BUILTINS, PROGRAM
from luzia_client.tui.shell.quoting import MAX_LINE_CHARS, quote_word, split

MAX_DESCRIPTION_CHARS = 60
MAX_JOBS = 200
"""The most ids that are offered."""
MAX_FILES = 200
LAST = "@last"

_table = cache(load_commands)


class KnownNames(NamedTuple):
    """The names that the daemon sent, and those of hosts with their destinations.

    jobs: in the order in which they are offered.
    """

    projects: Sequence[Project] = ()
    agents: Sequence[Agent] = ()
    jobs: Sequence[Job] = ()
    schedules: Sequence[Schedule] = ()
    hosts: Mapping[str, str] = {}


class Candidate(NamedTuple):
    """text: replaces the line from `start` on. shown: its name in the menu. meta: its description."""

    text: str
    start: int
    shown: str
    meta: str = ""


class FileQuery(NamedTuple):
    """A request for the names of files that start with `word`, which only the file system has.

    start: where the word starts in the line. prefix: the text of the word before the name.
    """

    word: str
    start: int
    prefix: str = ""
    only_directories: bool = False


def find_candidates(line: str, known: KnownNames) -> list[Candidate] | FileQuery:
    """The candidates at the end of the line; none inside quotes."""
    found = split(line)
    if found.open:
        return []
    before, typed, start = found.texts, "", len(line)
    if found.in_word:
        typed, start = before.pop(), found.words[-1].start
    if before[:1] == [PROGRAM]:
        before = before[1:]
    table = _table()
    values = partial(complete_value, known, frozenset(before))
    if before[:1] == ["use"]:
        return _to_candidates(values("project", "", typed, table), start)
    first = table["aliases"].get(before[0], before[0]) if before else ""
    offered = complete_word(table, Line("", [*before, typed]), values)
    if offered.files and (first not in table["commands"] or first in DISPATCH_COMMANDS):
        # A task: only a single word that starts with @ names a file.
        return FileQuery(typed[1:], start, "@") if typed.startswith("@") else []
    if not before:
        offered.merge(Candidates(typed, BUILTINS, directories=True))
    return _to_candidates(offered, start)


def _to_candidates(offered: Candidates, start: int) -> list[Candidate] | FileQuery:
    if offered.files or (offered.directories and (is_path(offered.typed) or not offered.values)):
        return FileQuery(offered.typed, start, offered.prefix, only_directories=not offered.files)
    return [
        Candidate(offered.prefix + quote_word(name), start, harmless(name), one_line(text, MAX_DESCRIPTION_CHARS))
        for name, text in offered.values.items()
    ]


def complete_value(
    known: KnownNames, used: Collection[str], kind: str, command: str, typed: str, table: dict[str, Any]
) -> Candidates:
    """Complete a value of a kind. used: the words that are already in the line. command: its command, or empty."""
    if kind in ("job", "jobs"):
        head, comma, last = typed.rpartition(",") if kind == "jobs" else ("", "", typed)
        return _complete_job(known, {*used, *head.split(",")}, command, last).with_prefix(head + comma)
    if kind == "project":
        return Candidates(typed, {each.name: each.path for each in known.projects}, directories=True)
    if kind == "agent":
        return Candidates(typed, {each.name: "" if each.installed else "not installed" for each in known.agents})
    if kind == "model":
        return offer_of_agents(typed, [(each.name, each.models) for each in known.agents])
    if kind == "permission_mode":
        return offer_of_agents(typed, [(each.name, each.permission_modes) for each in known.agents])
    if kind == "tag":
        tags = [f"{key}={text}" for job in known.jobs for key, text in job.tags.items()]
        return Candidates(typed, dict.fromkeys(tags, ""))
    if kind == "schedule":
        return Candidates(typed, {each.name: each.cron for each in known.schedules})
    if kind == "host":
        return Candidates(typed, known.hosts)
    return complete_static_value(kind, typed, table)


def _complete_job(known: KnownNames, used: Collection[str], command: str, typed: str) -> Candidates:
    """Complete the id of a job to which the command applies, from its id or a word of its task."""
    states = COMMAND_STATES.get(command, ())
    word = typed.lower()
    references = REFERENCES if word else {LAST: REFERENCES[LAST]}
    found = {name: text for name, text in references.items() if name.startswith(word)}
    for job in known.jobs:
        if job.id in used or (states and job.state.value not in states):
            continue
        if job.id.startswith(word) or _matches(job, word):
            found[job.id] = f"{format_state(job.state):<9} {job.task}"
        if len(found) > MAX_JOBS:
            break
    offered = Candidates(typed, {})
    offered.values = found
    return offered


def _matches(job: Job, word: str) -> bool:
    """True if the id ends with the word or the task contains it; a single character never matches."""
    return len(word) > 1 and (job.id.endswith(word) or word in job.task.lower())


class ShellCompleter(Completer):
    """Completes lines. known: returns the current names."""

    def __init__(self, known: Callable[[], KnownNames]) -> None:
        self._known = known

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """The candidates that need no file names."""
        found = self._find(document)
        return [] if isinstance(found, FileQuery) else _to_completions(found, document)

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """All candidates."""
        found = self._find(document)
        listed = await asyncio.to_thread(list_files, found) if isinstance(found, FileQuery) else found
        for completion in _to_completions(listed, document):
            yield completion

    def _find(self, document: Document) -> list[Candidate] | FileQuery:
        if len(document.text) > MAX_LINE_CHARS:
            return []
        return find_candidates(document.text_before_cursor, self._known())


def _to_completions(found: list[Candidate], document: Document) -> Iterable[Completion]:
    """The candidates, unless the only one is already complete."""
    before = document.text_before_cursor
    if len(found) == 1 and before[found[0].start :] == found[0].text:
        return []
    return [
        Completion(each.text, each.start - len(before), display=each.shown, display_meta=each.meta) for each in found
    ]


def list_files(query: FileQuery) -> list[Candidate]:
    """The files whose names start with the word, directories with a `/`; hidden ones only after a dot."""
    directory, _, begin = query.word.rpartition("/")
    directory += "/" if "/" in query.word else ""
    if query.word == "~":
        return [Candidate(query.prefix + "~/", query.start, "~/")]
    try:
        with os.scandir(os.path.expanduser(directory) or ".") as entries:
            names = [f"{each.name}/" if each.is_dir() else each.name for each in entries if each.name.startswith(begin)]
    except OSError:
        return []  # no such directory
    found = [name for name in sorted(names) if begin.startswith(".") or not name.startswith(".")]
    if query.only_directories:
        found = [name for name in found if name.endswith("/")]
    return [
        Candidate(query.prefix + quote_word(directory + name), query.start, harmless(name))
        for name in found[:MAX_FILES]
    ]
