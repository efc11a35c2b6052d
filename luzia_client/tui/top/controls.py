"""The two parts of the screen for prompt_toolkit, and their colours: the rows, with the mouse, and the input line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, DummyCompleter, DynamicCompleter
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout import ConditionalContainer, Window
from prompt_toolkit.layout.controls import BufferControl, UIContent, UIControl
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.mouse_events import MouseButton, MouseEvent, MouseEventType
from prompt_toolkit.styles import Style

from luzia_client.cli.show.formatting import STATE_COLOURS
from luzia_client.tui.top.state import TopState
from luzia_client.tui.top.text_view import Fragments

if TYPE_CHECKING:
    from prompt_toolkit.key_binding.key_bindings import NotImplementedOrNone

WHEEL_ROWS = 3
STYLE = Style.from_dict(
    {
        **{state: colour if colour == "dim" else f"ansi{colour}" for state, colour in STATE_COLOURS.items()},
        "header": "reverse bold",
        "titles": "dim",
        "selected": "reverse",
        "marked": "bold ansiyellow",
        "group": "underline",
        "heading": "underline",
        "heading-focus": "underline bold",
        "keys": "dim",
        "dim": "dim",
        "filter": "bold",
        "message": "bold",
        "choice": "bold ansiyellow",
    }
)
"""Only the colours of the terminal's own theme, which suit light and dark ones."""

Paint = Callable[[int, int], Sequence[Fragments]]


class ScreenControl(UIControl):
    """Shows the rows that `paint` returns for a width and a height."""

    def __init__(self, paint: Paint, top: TopState) -> None:
        self._paint = paint
        self._top = top
        self._rows = 0

    def create_content(self, width: int, height: int) -> UIContent:
        """The rows."""
        rows = self._paint(width, height)
        self._rows = height

        def line(number: int) -> StyleAndTextTuples:
            return [*rows[number]]

        return UIContent(line, line_count=len(rows), show_cursor=False)

    def is_focusable(self) -> bool:
        """True: it has the keys while the input line is hidden."""
        return True

    def mouse_handler(self, mouse_event: MouseEvent) -> NotImplementedOrNone:
        """Select on a click, scroll with the wheel; ignore all other events without a redraw."""
        row = mouse_event.position.y
        match mouse_event.event_type:
            case MouseEventType.SCROLL_UP:
                self._scroll(row, -WHEEL_ROWS)
            case MouseEventType.SCROLL_DOWN:
                self._scroll(row, WHEEL_ROWS)
            case MouseEventType.MOUSE_UP if mouse_event.button is MouseButton.LEFT:
                self._click(row)
            case _:
                return NotImplemented
        return None

    def _scroll(self, row: int, rows: int) -> None:
        top = self._top
        layout = top.layout(self._rows)
        if top.page is not None:
            top.page.text.scroll(rows)
        elif layout.list <= row < layout.pane:
            top.cursor.scroll(rows)
        elif layout.pane <= row < layout.bottom:
            top.transcript.scroll(rows)

    def _click(self, row: int) -> None:
        top = self._top
        layout = top.layout(self._rows)
        if top.page is not None or top.prompt is not None:
            return
        if layout.list <= row < layout.pane:
            top.transcript_focused = False
            clicked = top.shown_rows[row - layout.list] if row - layout.list < len(top.shown_rows) else None
            if clicked is not None:
                top.cursor.select_row(clicked)
        elif layout.pane <= row < layout.bottom:
            top.transcript_focused = True


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
