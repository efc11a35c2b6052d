"""Makes a readable text of an agent's stream: what it said, a line for each tool, results in short.

Each agent has a function from one line to its Entries, beside its adapter. It looks at that line only, so a transcript
can begin and go on anywhere. All text is made harmless: no character of it can steer a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from luziad.agents.base import Entry
from luziad.agents.reading import at, decoded, objects, one_line, text, text_at

MAX_SAID = 100_000
MAX_SHOWN = 4 * MAX_SAID
MAX_CALL = 200
MAX_LINE = 200
MAX_LINES = 5
HELD_CHARS = 64 * 1024

_TELLING = (
    "command", "file_path", "filePath", "notebook_path", "path", "pattern", "query", "url", "subject", "description",
    "prompt", "taskId", "name",
)  # fmt: skip
"""The arguments that say most of a tool's call, the best first."""

_MARKS = {"in_progress": "[~]", "completed": "[x]", "done": "[x]", "cancelled": "[-]", "deleted": "[-]"}

_STYLES = {"thought": "2", "tool": "36", "result": "2", "failed": "31", "note": "2", "warning": "33", "bad": "1;31"}
"""Of kinds of entries: the parameters of the escape sequence that colours them."""


Entries = Callable[[bytes], list[Entry]]
"""What a line means: a function that never raises."""


class Transcript:
    """Makes the text of line after line. entries: of the agent. colour: with escape sequences for colours."""

    def __init__(self, entries: Entries, colour: bool) -> None:
        self._entries = entries
        self._colour = colour
        self._pieces: list[str] = []
        self._size = 0

    @property
    def holds(self) -> bool:
        """True while a text is not whole: what it was made of has to be given again to a transcript that goes on."""
        return bool(self._pieces)

    def feed(self, line: bytes) -> str:
        """The text for a line, which may be empty."""
        shown = []
        for entry in self._entries(line):
            if entry.goes_on:
                self._pieces.append(entry.text)
                self._size += len(entry.text)
                if self._size < HELD_CHARS:
                    continue
                shown.append(self.end())
            else:
                shown += [self.end(), self._shown(entry)]
        text = "".join(shown)
        return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…\n"

    def end(self) -> str:
        """What is held back."""
        if not self._pieces:
            return ""
        whole, self._pieces, self._size = "".join(self._pieces), [], 0
        return self._shown(Entry("said", whole))

    def _shown(self, entry: Entry) -> str:
        lines = _lines(entry)
        style = _STYLES.get(entry.kind)
        if style is not None and self._colour:
            lines = [f"\x1b[{style}m{line}\x1b[0m" for line in lines]
        return "".join(f"{line}\n" for line in lines)


def _lines(entry: Entry) -> list[str]:
    match entry.kind:
        case "said":
            return ["", *_harmless(entry.text[:MAX_SAID].strip()), ""] if entry.text.strip() else []
        case "thought":
            return [f"~ {one_line(entry.text, MAX_LINE)}"] if entry.text.strip() else []
        case "tool":
            return [f"> {one_line(entry.text, MAX_CALL)}"]
        case "result" | "failed":
            return _shortened(entry.text, "!" if entry.kind == "failed" else "|")
        case "plan":
            return [f"  {line}" for line in _harmless(entry.text[:MAX_SAID])]
        case "noise":
            return _harmless(entry.text[:MAX_SAID])
    mark = {"note": "-", "warning": "!", "good": "=", "bad": "="}[entry.kind]
    return [f"{mark} {one_line(entry.text)}"]


def _shortened(words: str, mark: str) -> list[str]:
    """The first lines of a tool's result, indented, and how many more there are."""
    whole = words.strip("\n").count("\n") + 1 if words.strip() else 0
    lines = _harmless("\n".join(line[: MAX_LINE + 1] for line in words[: 100 * MAX_LINE].strip("\n").split("\n")))
    shown = [line if len(line) <= MAX_LINE else line[: MAX_LINE - 1] + "…" for line in lines[:MAX_LINES] if whole]
    if whole > len(shown):
        shown.append(f"… {whole - len(shown)} more lines")
    return [f"  {mark} {line}".rstrip() for line in shown]


def _harmless(words: str) -> list[str]:
    """The lines of a text, with a space for every character that is not to be seen."""
    lines = words.expandtabs(4).splitlines()
    return [line if line.isprintable() else "".join(c if c.isprintable() else " " for c in line) for line in lines]


def event_of(line: bytes) -> dict[str, Any] | Entry | None:
    """The object of a line; an entry when it holds none; None when it is blank."""
    event = decoded(line)
    if isinstance(event, dict):
        return event
    words = line[: 4 * MAX_SAID].decode("utf-8", "replace")
    return Entry("noise", words) if words.strip() else None


def reading(entries: Callable[[dict[str, Any]], Iterable[Entry]]) -> Entries:
    """The function for lines that is made of one for objects."""

    def of_line(line: bytes) -> list[Entry]:
        event = event_of(line)
        if isinstance(event, dict):
            return list(entries(event))
        return [] if event is None else [event]

    return of_line


def call(name: str, given: Any) -> Entry:
    """A tool's call: its name, and the argument that says most."""
    told = next((found for key in _TELLING if (found := text_at(given, key))), "")
    if not told and isinstance(given, dict) and given:
        told = " ".join(f"{key}={value}" for key, value in list(given.items())[:5])
    name = name or "tool"
    return Entry("tool", f"{name}: {told[: 4 * MAX_CALL]}" if told else name)


def result(content: Any, *, failed: bool = False) -> Iterable[Entry]:
    """A tool's result, which is a text or blocks of text; nothing when it is empty and good."""
    words = text(content) or "\n".join(text_at(block, "text") for block in objects(content))
    if words.strip() or failed:
        yield Entry("failed" if failed else "result", words if words.strip() else "failed")


def plan(items: Iterable[dict[str, Any]], words: str = "content") -> Iterable[Entry]:
    """A to-do list. words: the key of an item's text."""
    lines = [f"{_mark(item)} {one_line(text(item.get(words)), MAX_LINE)}" for item in items]
    if lines:
        yield Entry("plan", "\n".join(lines[:100]))


def _mark(item: dict[str, Any]) -> str:
    if item.get("completed") is True:
        return "[x]"
    return _MARKS.get(text(item.get("status")), "[ ]")


def used(read: Any, written: Any, cost_usd: Any = None) -> str:
    """`3600 tokens in, 102 out, $0.0123`, as far as these are numbers."""
    words = []
    if type(read) is int and type(written) is int:
        words.append(f"{read} tokens in, {written} out")
    if isinstance(cost_usd, int | float) and not isinstance(cost_usd, bool) and cost_usd > 0:
        words.append(f"${cost_usd:.4f}")
    return ", ".join(words)


def joined(*words: str) -> str:
    """The words that there are, with commas between."""
    return ", ".join(word for word in words if word)


def why(event: Any) -> str:
    """The message of an event's error."""
    return text_at(event, "error", "message") or text_at(event, "error", "data", "message") or text(at(event, "error"))
