"""The line of `:`: completes commands, those that apply to the selection first, and adds the selected jobs to them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Any

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from luzia_protocol.jobs import Job

from luzia_client.cli.completion.complete import COMMAND_STATES, load_commands
from luzia_client.tui.shell.candidates import KnownNames, ShellCompleter
from luzia_client.tui.shell.line_parser import BUILTINS, PROGRAM, command_words
from luzia_client.tui.shell.quoting import split_complete

SELECTING = frozenset({"--all", "--project", "-p", "--state", "--tag", "--agent", "--search", "--waiting", "--parent"})
"""Options that select jobs: with one, a command is not for the jobs of the screen."""


class PaletteCompleter(Completer):
    """Completes lines of the palette. known: the current names. jobs: those on which a command will act."""

    def __init__(self, known: Callable[[], KnownNames], jobs: Callable[[], Sequence[Job]]) -> None:
        self._names = ShellCompleter(known)
        self._jobs = jobs

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """The candidates that need no file names."""
        return self._sorted(document, self._names.get_completions(document, complete_event))

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """All candidates."""
        found = [each async for each in self._names.get_completions_async(document, complete_event)]
        for completion in self._sorted(document, found):
            yield completion

    def _sorted(self, document: Document, found: Iterable[Completion]) -> list[Completion]:
        """The candidates; commands that apply to the selection come first, then other commands, then projects."""
        if " " in document.text_before_cursor.lstrip():
            return list(found)
        commands, jobs = load_commands()["commands"], self._jobs()

        def place(completion: Completion) -> int:
            command = commands.get(completion.text)
            if command is None:
                return 2
            states = COMMAND_STATES.get(completion.text, ())
            applies = not states or any(job.state.value in states for job in jobs)
            return 0 if jobs and applies and _takes_jobs(command) else 1

        return sorted((each for each in found if each.text not in BUILTINS), key=place)


def parse_command(line: str) -> list[str]:
    """The words of a line, without a leading `luzia`. Raises UsageError if a quote is open."""
    words = split_complete(line).words
    return command_words(words[1:] if words and words[0].text == PROGRAM else words) if words else []


def on_selection(words: Sequence[str], jobs: Sequence[str], is_job: Callable[[str], bool]) -> list[list[str]]:
    """The commands to run for a line: with the ids of the jobs, if it is for jobs and names none.

    A command for a single job is run for each. is_job: whether a word names a job.
    """
    table = load_commands()
    name = table["aliases"].get(words[0], words[0])
    command = table["commands"].get(name)
    if command is None or not _takes_jobs(command) or not jobs:
        return [list(words)]
    given = _arguments(command, words[1:])
    several = command["words"][0].endswith("…")
    named = bool(given) and (len(command["words"]) == 1 or is_job(given[0]))
    if named or any(word.partition("=")[0] in SELECTING for word in words):
        return [list(words)]
    if several:
        return [[words[0], *jobs, *words[1:]]]
    return [[words[0], job, *words[1:]] for job in jobs]


def _takes_jobs(command: dict[str, Any]) -> bool:
    return bool(command["words"]) and command["words"][0].rstrip("…") == "job"


def _arguments(command: dict[str, Any], words: Sequence[str]) -> list[str]:
    """The words that are neither options nor their values."""
    found: list[str] = []
    pending = False
    for number, word in enumerate(words):
        if pending:
            pending = False
        elif word == "--":
            return [*found, *words[number + 1 :]]
        elif word.startswith("-") and word != "-":
            pending = bool(command["options"].get(word, [""])[0])
        else:
            found.append(word)
    return found
