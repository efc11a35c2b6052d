"""Prompts for an agent's question: one key, or input lines. Pure."""

from __future__ import annotations

from collections.abc import Callable

from luzia_protocol.activity import Question, QuestionPart

from luzia_client.cli.show.text import one_line
from luzia_client.tui.fullscreen.state import KeyPrompt


def format_label(part: QuestionPart, number: int, parts: int) -> str:
    """The label of the input line for one part of a question."""
    options = ", ".join(f"{index} {one_line(option, 30)}" for index, option in enumerate(part.options, 1))
    which = f"{number}/{parts} " if parts > 1 else ""
    return f"{which}{one_line(part.text, 60)}{f' ({options})' if options else ''}: "


class QuestionForm:
    """Collects the answer to a question: one key for a permission, or one input line for each part.

    edit: opens an input line. send: called with the complete answers.
    """

    def __init__(
        self, question: Question, edit: Callable[[str, Callable[[str], None]], None], send: Callable[[list[str]], None]
    ) -> None:
        self._question = question
        self._edit = edit
        self._send = send
        self._words: list[str] = []

    def permission_prompt(self) -> KeyPrompt | None:
        """The prompt for a permission request; None for a question that needs text."""
        if self._question.type != "permission":
            return None
        request = f"Allow {one_line(self._question.tool)}: {one_line(self._question.text)}"
        return KeyPrompt(
            f"{request}? y allow  n deny  t deny with instructions",
            {"y": lambda: self._send(["allow"]), "n": lambda: self._send(["deny"]), "t": self._ask_text},
        )

    def ask_parts(self) -> None:
        """Ask for the next part; send the answers after the last."""
        parts = self._question.parts or [QuestionPart(text=self._question.text)]
        number = len(self._words)
        if number == len(parts):
            self._send(self._words)
        else:
            self._edit(format_label(parts[number], number + 1, len(parts)), self._entered_part)

    def _entered_part(self, text: str) -> None:
        if text.strip():
            self._words.append(text)
            self.ask_parts()

    def _ask_text(self) -> None:
        """Ask for instructions that replace the denied action."""
        self._edit("Instructions: ", lambda text: self._send(["deny", text]) if text.strip() else None)
