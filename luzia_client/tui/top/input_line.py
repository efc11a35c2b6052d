"""The input line at the bottom: for the filter, and for answers."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.layout import ConditionalContainer, Window
from prompt_toolkit.layout.controls import BufferControl
from prompt_toolkit.layout.processors import BeforeInput


def ignore(text: str) -> None:
    """Do nothing with a text."""


class InputLine:
    """One line with a label. is_open: it is shown and has the keys."""

    def __init__(self) -> None:
        self.is_open = False
        self._label = ""
        self._before = ""
        self._entered: Callable[[str], None] = ignore
        self._typed: Callable[[str], None] = ignore
        self._buffer = Buffer(multiline=False, on_text_changed=lambda buffer: self._typed(buffer.text))
        control = BufferControl(self._buffer, input_processors=[BeforeInput(lambda: self._label, style="bold")])
        self.window = Window(control, height=1)
        self.container = ConditionalContainer(self.window, filter=Condition(lambda: self.is_open))

    def open(
        self, label: str, entered: Callable[[str], None], typed: Callable[[str], None] = ignore, text: str = ""
    ) -> None:
        """Show it with a text.

        entered: called with the text on Enter. typed: called after every change, and with the first text on Esc.
        """
        self._label, self._before = label, text
        self._entered, self._typed = entered, ignore
        self._buffer.text = text
        self._buffer.cursor_position = len(text)
        self._typed = typed
        self.is_open = True

    def end(self, entered: bool) -> None:
        """Hide it, and pass on the text if it was entered."""
        self.is_open = False
        if entered:
            self._entered(self._buffer.text)
        else:
            self._typed(self._before)
