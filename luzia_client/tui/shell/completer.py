"""Completion for prompt_toolkit; file names are read in a thread, so that typing never blocks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from luzia_client.cli.show.text import harmless
from luzia_client.tui.shell.candidates import Candidate, FileQuery, KnownNames, find_candidates
from luzia_client.tui.shell.quoting import MAX_LINE_CHARS, quote_word

MAX_FILES = 200


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
