"""The choices as prompt_toolkit shows them; what only the disk knows is read in a thread, so that no key waits."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from luzia_client.cli.show.text import harmless
from luzia_client.tui.shell.candidates import Candidate, FileQuery, find_candidates
from luzia_client.tui.shell.offers import KnownNames
from luzia_client.tui.shell.quoting import quote_word
from luzia_client.tui.shell.toolbar import MAX_LOOKED_AT

MAX_FILES = 200


class ShellCompleter(Completer):
    """Completes lines. known: tells what is known now."""

    def __init__(self, known: Callable[[], KnownNames]) -> None:
        self._known = known

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What can be told at once."""
        found = self._offered(document)
        return [] if isinstance(found, FileQuery) else _to_completions(found, document)

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """Everything."""
        found = self._offered(document)
        listed = await asyncio.to_thread(list_files, found) if isinstance(found, FileQuery) else found
        for completion in _to_completions(listed, document):
            yield completion

    def _offered(self, document: Document) -> list[Candidate] | FileQuery:
        if len(document.text) > MAX_LOOKED_AT:
            return []
        return find_candidates(document.text_before_cursor, self._known())


def _to_completions(found: list[Candidate], document: Document) -> Iterable[Completion]:
    """The choices, unless all that could be chosen is there already."""
    before = document.text_before_cursor
    if len(found) == 1 and before[found[0].start :] == found[0].text:
        return []
    return [
        Completion(each.text, each.start - len(before), display=each.shown, display_meta=each.meta) for each in found
    ]


def list_files(wanted: FileQuery) -> list[Candidate]:
    """The files whose names begin with the word, directories with a `/`; hidden ones only when a dot is typed."""
    directory, _, begin = wanted.word.rpartition("/")
    directory += "/" if "/" in wanted.word else ""
    if wanted.word == "~":
        return [Candidate(wanted.prefix + "~/", wanted.start, "~/")]
    try:
        with os.scandir(os.path.expanduser(directory) or ".") as entries:
            names = [f"{each.name}/" if each.is_dir() else each.name for each in entries if each.name.startswith(begin)]
    except OSError:
        return []  # there is no such directory, so nothing in it can be offered
    found = [name for name in sorted(names) if begin.startswith(".") or not name.startswith(".")]
    if wanted.only_directories:
        found = [name for name in found if name.endswith("/")]
    return [
        Candidate(wanted.prefix + quote_word(directory + name), wanted.start, harmless(name))
        for name in found[:MAX_FILES]
    ]
