"""The key bindings of a screen, made from its table of keys."""

from __future__ import annotations

from collections.abc import Callable
from enum import Flag
from functools import partial
from typing import Any

from prompt_toolkit.filters import Condition, FilterOrBool
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from luzia_client.tui.fullscreen.input_line import InputLine
from luzia_client.tui.fullscreen.keys import KeyTable
from luzia_client.tui.fullscreen.state import ScreenState

WHILE_TYPING = {"up": "up", "down": "down", "pageup": "page_up", "pagedown": "page_down"}
COMPLETION_STEPS = {"tab": 1, "down": 1, "s-tab": -1, "up": -1}


def add_bindings(
    key_bindings: KeyBindings,
    state: ScreenState,
    keys: KeyTable[Any],
    has_keys: Callable[[Flag], bool],
    find_action: Callable[[str], Callable[[], None]],
    line: InputLine,
    end_typing: Callable[[bool], None],
) -> None:
    """Add all bindings.

    has_keys: whether one of these places has the keys now. find_action: the effect of an action. end_typing: called
    when the input line is closed, with True on Enter.
    """
    is_typing = Condition(lambda: line.is_open)
    is_completing = Condition(lambda: line.is_open and line.completes)
    is_choosing = Condition(lambda: state.prompt is not None)
    is_away = Condition(lambda: state.away)
    free = ~is_typing & ~is_choosing & ~is_away

    def bind(key: str, filter: FilterOrBool, run: Callable[[], None]) -> None:
        def pressed(_: KeyPressEvent) -> None:
            state.message = ""
            run()

        key_bindings.add(key, filter=filter)(pressed)

    for key in keys:
        for name in key.keys.split():
            bind(name, free & Condition(partial(has_keys, key.where)), find_action(key.action))

    @key_bindings.add(Keys.Any, filter=free)
    def explain(event: KeyPressEvent) -> None:
        if event.data.isprintable():
            state.message = f"{event.data} has no effect; ? shows all keys"

    for name, action in WHILE_TYPING.items():
        bind(name, is_typing & ~is_completing, find_action(action))
    for name, step in COMPLETION_STEPS.items():
        bind(name, is_completing, partial(line.complete, step))
    bind("enter", is_typing, lambda: end_typing(True))
    for name in ("escape", "c-c", "c-d"):
        bind(name, is_typing, lambda: end_typing(False))

    def answer(key: str) -> None:
        prompt, state.prompt = state.prompt, None
        assert prompt is not None
        state.message = "" if key in prompt.keys else "aborted"
        prompt.keys.get(key, lambda: None)()

    @key_bindings.add(Keys.Any, filter=is_choosing & ~is_typing)
    def answer_prompt(event: KeyPressEvent) -> None:
        answer(event.key_sequence[0].key)

    for name in ("escape", "c-c", "enter"):
        bind(name, is_choosing & ~is_typing, partial(answer, ""))
    bind("<sigint>", ~is_away, find_action("leave"))
