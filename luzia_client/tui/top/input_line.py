"""The input line at the bottom: for the filter, and for answers."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.layout import ConditionalContainer, Window
from prompt_toolkit.layout.controls import BufferControl
from prompt_toolkit.layout.processors import BeforeInput


class InputLine:
    """One line with a label. is_open: it is shown and has the keys."""

    def __init__(self) -> None:
        self.is_open = False
        self._label = ""
        self._entered: Callable[[str], None] = _nothing
        self._typed: Callable[[str], None] = _nothing
        self._aborted: Callable[[], None] = _done
        self._buffer = Buffer(multiline=False, on_text_changed=self._changed)
        control = BufferControl(self._buffer, input_processors=[BeforeInput(lambda: self._label, style="bold")])
        self.window = Window(control, height=1)
        self.container = ConditionalContainer(self.window, filter=Condition(lambda: self.is_open))

    def open(
        self,
        label: str,
        entered: Callable[[str], None],
        typed: Callable[[str], None] | None = None,
        aborted: Callable[[], None] | None = None,
        text: str = "",
    ) -> None:
        """Show it. entered: called with the text on Enter. typed: called after every change. aborted: called on Esc."""
        self._label = label
        self._entered, self._typed, self._aborted = entered, _nothing, aborted or _done
        self._buffer.text = text
        self._buffer.cursor_position = len(text)
        self._typed = typed or _nothing
        self.is_open = True

    def end(self, entered: bool) -> None:
        """Hide it, and pass on the text if it was entered."""
        self.is_open = False
        if entered:
            self._entered(self._buffer.text)
        else:
            self._aborted()

    def _changed(self, _: Buffer) -> None:
        self._typed(self._buffer.text)


def _nothing(_: str) -> None:
    pass


def _done() -> None:
    pass
