"""Questions with a suggested answer, which --yes gives."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.prompts import ask
from luzia_client.cli.show.text import harmless

T = TypeVar("T")


class Dialogue:
    """Asks the user. accepts_all: every suggestion is accepted, and nothing is read."""

    def __init__(self, accepts_all: bool) -> None:
        self._accepts_all = accepts_all
        if not accepts_all and not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError("`luzia init` asks questions and requires a terminal", "Pass --yes to accept suggestions.")

    def ask(self, question: str, suggested: str, parse: Callable[[str], T]) -> T:
        """The answer as `parse` understands it; asked again while that raises ValueError with the reason."""
        while True:
            answer = self._read(f"{question} [{suggested}] ", suggested)
            try:
                return parse(answer or suggested)
            except ValueError as exc:
                print(f"  {harmless(str(exc))}")

    def agrees(self, question: str, suggested: bool = True) -> bool:
        """Whether the user says yes."""
        answer = self._read(f"{question} [{'Y/n' if suggested else 'y/N'}] ", "yes" if suggested else "no")
        return suggested if not answer else answer.lower() in ("y", "yes")

    def _read(self, prompt: str, suggested: str) -> str:
        if self._accepts_all:
            print(harmless(prompt) + harmless(suggested))
            return ""
        answer = ask(harmless(prompt), on_stdout=True)
        if answer is None:
            raise UsageError("aborted", "What has been written is kept. `luzia init` continues with what is missing.")
        return answer


def parse_numbers(answer: str, count: int) -> Sequence[int]:
    """The chosen numbers from 1 to `count`: `all`, `none`, `1,3-5`. Raises ValueError."""
    if answer in ("all", "none"):
        return range(1, count + 1) if answer == "all" else ()
    chosen: dict[int, None] = {}
    for part in answer.replace(",", " ").split():
        first, dash, last = part.partition("-")
        if not first.isdecimal() or not (last.isdecimal() or not dash):
            raise ValueError(f"'{part}' is not a number; write numbers such as 1,3-5, or all, or none")
        for number in range(int(first), int(last or first) + 1):
            if not 1 <= number <= count:
                raise ValueError(f"number {number} is not in the list; the last one is {count}")
            chosen[number] = None
    return list(chosen)
