"""The line in the last row into which the user types, with completion."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, DummyCompleter, DynamicCompleter
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
        self._completer: Completer = DummyCompleter()
        self._buffer = Buffer(
            multiline=False,
            completer=DynamicCompleter(lambda: self._completer),
            complete_while_typing=True,
            on_text_changed=lambda buffer: self._typed(buffer.text),
        )
        control = BufferControl(self._buffer, input_processors=[BeforeInput(lambda: self._label, style="bold")])
        self.window = Window(control, height=1)
        self.container = ConditionalContainer(self.window, filter=Condition(lambda: self.is_open))

    @property
    def completes(self) -> bool:
        """Whether it completes words."""
        return not isinstance(self._completer, DummyCompleter)

    def complete(self, step: int) -> None:
        """Select the next candidate, the previous one for a negative step, or complete the word by the only one.

        The menu is filled in the background: a Tab that is typed ahead does not depend on it.
        """
        event = CompleteEvent(completion_requested=True)
        found = list(self._completer.get_completions(self._buffer.document, event))
        if len(found) == 1:
            self._buffer.apply_completion(found[0])
        elif self._buffer.complete_state is None:
            self._buffer.start_completion(select_first=step > 0, select_last=step < 0)
        elif step > 0:
            self._buffer.complete_next()
        else:
            self._buffer.complete_previous()

    def open(
        self,
        label: str,
        entered: Callable[[str], None],
        typed: Callable[[str], None] = ignore,
        *,
        text: str = "",
        completer: Completer | None = None,
    ) -> None:
        """Show it with a text.

        entered: called with the text on Enter. typed: called after every change, and with the first text on Esc.
        completer: completes words while they are typed.
        """
        self._completer = completer or DummyCompleter()
        self._label, self._before = label, text
        self._entered, self._typed = entered, ignore
        self._buffer.text = text
        self._buffer.cursor_position = len(text)
        self._typed = typed
        self.is_open = True
        if completer is not None:
            self._buffer.start_completion()

    def end(self, entered: bool) -> None:
        """Hide it, and pass on the text if it was entered."""
        text, typed = self._buffer.text, self._typed
        self.is_open = False
        self._typed = ignore
        self._buffer.reset()
        if entered:
            self._entered(text)
        else:
            typed(self._before)
