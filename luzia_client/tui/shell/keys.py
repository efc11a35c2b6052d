"""What keys do at the prompt besides what prompt_toolkit's own do."""

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

Part = Callable[[str], tuple[str, str] | None]
"""What stands before the text of a line, and that text."""


def bindings(part: Part) -> KeyBindings:
    """Enter, Alt-Enter, the editor, and pasted text."""
    keys = KeyBindings()
    typing = has_focus(DEFAULT_BUFFER)
    keys.add("enter", filter=typing)(_enter)
    keys.add("escape", "enter", filter=typing)(_new_line)
    keys.add("c-x", "c-e", filter=typing)(lambda event: _editor(event.current_buffer, part))
    keys.add(Keys.BracketedPaste, filter=typing)(_paste)
    return keys


def quote_paste(before: str, text: str) -> str:
    """What a paste puts into the line. before: what stands before the cursor.

    Many lines after a word are one word, whatever quotes are in them; and so is what is pasted into a quote.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    quote = split(before).open
    if quote and quote in QUOTES:
        return escape_inside(quote, text)
    return escape_inside("", text) if before.strip() and "\n" in text else text


async def confirm(question: str) -> bool:
    """Ask on the terminal; only `y` means yes, and no Enter is needed."""
    keys = KeyBindings()
    for yes in ("y", "Y"):
        keys.add(yes)(lambda event: event.app.exit(result="yes"))
    for no in (Keys.Any, "enter", "c-c", "c-d", "escape"):
        keys.add(no)(lambda event: event.app.exit(result="no"))
    answer = await PromptSession[str](question, key_bindings=keys).prompt_async()
    return answer == "yes"


def _enter(event: KeyPressEvent) -> None:
    """Hand the line over, unless a quote is open."""
    if split(event.current_buffer.text).open:
        event.current_buffer.insert_text("\n")
    else:
        event.current_buffer.validate_and_handle()


def _new_line(event: KeyPressEvent) -> None:
    event.current_buffer.insert_text("\n")


def _editor(buffer: Buffer, part: Part) -> None:
    """Write the task, or else the line, in $VISUAL or $EDITOR. It comes back to the prompt, and Enter runs it."""
    parts = part(buffer.text)
    if parts is None:
        buffer.open_in_editor()
        return
    head, text = parts
    buffer.text = text

    def back(_: object) -> None:
        line = head + (escape_inside("", buffer.text) if buffer.text else "")
        buffer.document = Document(line, len(line))

    buffer.open_in_editor().add_done_callback(back)


def _paste(event: KeyPressEvent) -> None:
    buffer = event.current_buffer
    buffer.insert_text(quote_paste(buffer.document.text_before_cursor, event.data))
