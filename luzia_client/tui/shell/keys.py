"""Key bindings of the prompt, in addition to those of prompt_toolkit."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from luzia_client.tui.shell.quoting import QUOTES, escape_inside, split

SplitText = Callable[[str], tuple[str, str] | None]
"""Splits a line into the part before its task or message, and that text."""


def bindings(split_text: SplitText) -> KeyBindings:
    """Bindings for Enter, Alt-Enter, the editor, and pasted text."""
    keys = KeyBindings()
    typing = has_focus(DEFAULT_BUFFER)
    keys.add("enter", filter=typing)(_enter)
    keys.add("escape", "enter", filter=typing)(_new_line)
    keys.add("c-x", "c-e", filter=typing)(lambda event: _editor(event.current_buffer, split_text))
    keys.add(Keys.BracketedPaste, filter=typing)(_paste)
    return keys


def quote_paste(before: str, text: str) -> str:
    """The text that a paste inserts. before: the line before the cursor.

    Several lines after a word become one quoted word; text inside an open quote is escaped for it.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    quote = split(before).open
    if quote and quote in QUOTES:
        return escape_inside(quote, text)
    return escape_inside("", text) if before.strip() and "\n" in text else text


async def confirm(question: str) -> bool:
    """Ask on the terminal; only `y` confirms, without Enter."""
    keys = KeyBindings()
    for yes in ("y", "Y"):
        keys.add(yes)(lambda event: event.app.exit(result="yes"))
    for no in (Keys.Any, "enter", "c-c", "c-d", "escape"):
        keys.add(no)(lambda event: event.app.exit(result="no"))
    answer = await PromptSession[str](question, key_bindings=keys).prompt_async()
    return answer == "yes"


def _enter(event: KeyPressEvent) -> None:
    """Accept the line, unless a quote is open."""
    if split(event.current_buffer.text).open:
        event.current_buffer.insert_text("\n")
    else:
        event.current_buffer.validate_and_handle()


def _new_line(event: KeyPressEvent) -> None:
    event.current_buffer.insert_text("\n")


def _editor(buffer: Buffer, split_text: SplitText) -> None:
    """Edit the task, or the line, in $VISUAL or $EDITOR; the result is put at the prompt."""
    parts = split_text(buffer.text)
    if parts is None:
        buffer.open_in_editor()
        return
    head, text = parts
    buffer.text = text

    def replace_line(_: object) -> None:
        line = head + (escape_inside("", buffer.text) if buffer.text else "")
        buffer.document = Document(line, len(line))

    buffer.open_in_editor().add_done_callback(replace_line)


def _paste(event: KeyPressEvent) -> None:
    buffer = event.current_buffer
    buffer.insert_text(quote_paste(buffer.document.text_before_cursor, event.data))
