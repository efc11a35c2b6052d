"""The line at the bottom that is typed in: the filter, and answers."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.layout import ConditionalContainer, Window
from prompt_toolkit.layout.controls import BufferControl
from prompt_toolkit.layout.processors import BeforeInput


class InputLine:
    """One line with a label. is_open: somebody types in it."""

    def __init__(self) -> None:
        self.is_open = False
        self._label = ""
        self._entered: Callable[[str], None] = _nothing
        self._typed: Callable[[str], None] = _nothing
        self._dropped: Callable[[], None] = _done
        self._buffer = Buffer(multiline=False, on_text_changed=self._changed)
        control = BufferControl(self._buffer, input_processors=[BeforeInput(lambda: self._label, style="bold")])
        self.window = Window(control, height=1)
        self.container = ConditionalContainer(self.window, filter=Condition(lambda: self.is_open))

    def open(
        self,
        label: str,
        entered: Callable[[str], None],
        typed: Callable[[str], None] | None = None,
        dropped: Callable[[], None] | None = None,
        text: str = "",
    ) -> None:
        """Begin. entered: called with the text at the end. typed: called after every change. dropped: on Esc."""
        self._label = label
        self._entered, self._typed, self._dropped = entered, _nothing, dropped or _done
        self._buffer.text = text
        self._buffer.cursor_position = len(text)
        self._typed = typed or _nothing
        self.is_open = True

    def end(self, entered: bool) -> None:
        """Close it, and hand over what was typed."""
        self.is_open = False
        if entered:
            self._entered(self._buffer.text)
        else:
            self._dropped()

    def _changed(self, _: Buffer) -> None:
        self._typed(self._buffer.text)


def _nothing(_: str) -> None:
    pass


def _done() -> None:
    pass
