"""Formats an agent's output as a readable transcript: messages, one line for each tool, shortened results. Pure.

Each agent has a function from one line to its entries, beside its adapter. It depends on that line only, so a
transcript can begin anywhere. Control characters are replaced, so that no text can control a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from luzia_protocol.money import format_usd

from luziad.agents.base import TranscriptEntry
from luziad.agents.json_values import as_objects, as_text, decode_json, one_line, text_at, value_at

MAX_MESSAGE_CHARS = 100_000
MAX_OUTPUT_CHARS = 4 * MAX_MESSAGE_CHARS
MAX_CALL_CHARS = 200
MAX_LINE_CHARS = 200
MAX_LINES = 5
MAX_PENDING_CHARS = 64 * 1024

_DESCRIPTIVE_FIELDS = (
    "command", "file_path", "filePath", "notebook_path", "path", "pattern", "query", "url", "subject", "description",
    "prompt", "taskId", "name",
)  # fmt: skip
"""The arguments that describe a tool call best, the best first."""

_MARKS = {"in_progress": "[~]", "completed": "[x]", "done": "[x]", "cancelled": "[-]", "deleted": "[-]"}

_STYLES = {"thought": "2", "tool": "36", "result": "2", "failed": "31", "note": "2", "warning": "33", "bad": "1;31"}
"""Kind of entry -> the parameters of the escape sequence for its colour."""


Entries = Callable[[bytes], list[TranscriptEntry]]
"""A function from a line to its entries; it accepts any line."""


class Transcript:
    """Formats line after line. entries: the agent's function. colour: use escape sequences for colours."""

    def __init__(self, entries: Entries, colour: bool) -> None:
        self._entries = entries
        self._colour = colour
        self._pieces: list[str] = []
        self._size = 0

    @property
    def is_incomplete(self) -> bool:
        """Whether a message is incomplete: its lines must be fed again to a transcript that continues this one."""
        return bool(self._pieces)

    def feed(self, line: bytes) -> str:
        """The text of a line, which may be empty."""
        shown = []
        for entry in self._entries(line):
            if entry.continues:
                self._pieces.append(entry.text)
                self._size += len(entry.text)
                if self._size < MAX_PENDING_CHARS:
                    continue
                shown.append(self.end())
            else:
                shown += [self.end(), self._format(entry)]
        text = "".join(shown)
        return text if len(text) <= MAX_OUTPUT_CHARS else text[:MAX_OUTPUT_CHARS] + "…\n"

    def end(self) -> str:
        """The text of an incomplete message."""
        if not self._pieces:
            return ""
        whole, self._pieces, self._size = "".join(self._pieces), [], 0
        return self._format(TranscriptEntry("said", whole))

    def _format(self, entry: TranscriptEntry) -> str:
        lines = _format_entry(entry)
        style = _STYLES.get(entry.kind)
        if style is not None and self._colour:
            lines = [f"\x1b[{style}m{line}\x1b[0m" for line in lines]
        return "".join(f"{line}\n" for line in lines)


def _format_entry(entry: TranscriptEntry) -> list[str]:
    match entry.kind:
        case "said":
            return ["", *_printable_lines(entry.text[:MAX_MESSAGE_CHARS].strip()), ""] if entry.text.strip() else []
        case "thought":
            return [f"~ {one_line(entry.text, MAX_LINE_CHARS)}"] if entry.text.strip() else []
        case "tool":
            return [f"> {one_line(entry.text, MAX_CALL_CHARS)}"]
        case "result" | "failed":
            return _first_lines(entry.text, "!" if entry.kind == "failed" else "|")
        case "plan":
            return [f"  {line}" for line in _printable_lines(entry.text[:MAX_MESSAGE_CHARS])]
        case "noise":
            return _printable_lines(entry.text[:MAX_MESSAGE_CHARS])
    mark = {"note": "-", "warning": "!", "good": "=", "bad": "="}[entry.kind]
    return [f"{mark} {one_line(entry.text)}"]


def _first_lines(words: str, mark: str) -> list[str]:
    """The first lines of a tool's result, indented, and the number of the others."""
    whole = words.strip("\n").count("\n") + 1 if words.strip() else 0
    lines = _printable_lines(
        "\n".join(line[: MAX_LINE_CHARS + 1] for line in words[: 100 * MAX_LINE_CHARS].strip("\n").split("\n"))
    )
    shown = [
        line if len(line) <= MAX_LINE_CHARS else line[: MAX_LINE_CHARS - 1] + "…" for line in lines[:MAX_LINES] if whole
    ]
    if whole > len(shown):
        shown.append(f"… {whole - len(shown)} more lines")
    return [f"  {mark} {line}".rstrip() for line in shown]


def _printable_lines(words: str) -> list[str]:
    """The lines of a text, with a space for every character that is not printable."""
    lines = words.expandtabs(4).splitlines()
    return [line if line.isprintable() else "".join(c if c.isprintable() else " " for c in line) for line in lines]


def parse_line(line: bytes) -> dict[str, Any] | TranscriptEntry | None:
    """The object in a line; an entry when it has none; None when it is blank."""
    event = decode_json(line)
    if isinstance(event, dict):
        return event
    words = line[: 4 * MAX_MESSAGE_CHARS].decode("utf-8", "replace")
    return TranscriptEntry("noise", words) if words.strip() else None


def line_parser(entries: Callable[[dict[str, Any]], Iterable[TranscriptEntry]]) -> Entries:
    """The function for lines, made from one for objects."""

    def of_line(line: bytes) -> list[TranscriptEntry]:
        event = parse_line(line)
        if isinstance(event, dict):
            return list(entries(event))
        return [] if event is None else [event]

    return of_line


def tool_call(name: str, given: Any) -> TranscriptEntry:
    """A tool call: its name and the most descriptive argument."""
    argument = next((found for key in _DESCRIPTIVE_FIELDS if (found := text_at(given, key))), "")
    if not argument and isinstance(given, dict) and given:
        argument = " ".join(f"{key}={value}" for key, value in list(given.items())[:5])
    name = name or "tool"
    return TranscriptEntry("tool", f"{name}: {argument[: 4 * MAX_CALL_CHARS]}" if argument else name)


def tool_result(content: Any, *, failed: bool = False) -> Iterable[TranscriptEntry]:
    """A tool's result, from a text or blocks of text; nothing when it is empty and not failed."""
    words = as_text(content) or "\n".join(text_at(block, "text") for block in as_objects(content))
    if words.strip() or failed:
        yield TranscriptEntry("failed" if failed else "result", words if words.strip() else "failed")


def plan_entry(items: Iterable[dict[str, Any]], words: str = "content") -> Iterable[TranscriptEntry]:
    """A plan. words: the key of an item's text."""
    lines = [f"{_checkbox(item)} {one_line(as_text(item.get(words)), MAX_LINE_CHARS)}" for item in items]
    if lines:
        yield TranscriptEntry("plan", "\n".join(lines[:100]))


def _checkbox(item: dict[str, Any]) -> str:
    if item.get("completed") is True:
        return "[x]"
    return _MARKS.get(as_text(item.get("status")), "[ ]")


def format_usage(read: Any, written: Any, cost_usd: Any = None) -> str:
    """`3600 tokens in, 102 out, $0.0123`, with the values that are numbers."""
    words = []
    if type(read) is int and type(written) is int:
        words.append(f"{read} tokens in, {written} out")
    if isinstance(cost_usd, int | float) and not isinstance(cost_usd, bool) and cost_usd > 0:
        words.append(format_usd(cost_usd))
    return ", ".join(words)


def join_nonempty(*words: str) -> str:
    """The texts that are not empty, separated by commas."""
    return ", ".join(word for word in words if word)


def error_message(event: Any) -> str:
    """The message of the error in an event."""
    return (
        text_at(event, "error", "message")
        or text_at(event, "error", "data", "message")
        or as_text(value_at(event, "error"))
    )
