"""The key bindings, made from the table in keys.py."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.filters import Condition, FilterOrBool
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from luzia_client.tui.top.actions import Actions
from luzia_client.tui.top.keys import iter_keys

IN_PAGES = {"up", "down", "page_up", "page_down", "first", "last", "back", "leave", "redraw", "suspend", "filter"} | {
    "search_next",
    "search_previous",
    "half_page_up",
    "half_page_down",
}
"""The actions that are available while a page is open; `leave` closes it."""
WHILE_TYPING = {"up": "up", "down": "down", "pageup": "page_up", "pagedown": "page_down"}


def bindings(
    actions: Actions,
    own: dict[str, Callable[[], None]],
    typing: Callable[[], bool],
    end_typing: Callable[[bool], None],
) -> KeyBindings:
    """All bindings.

    own: actions of the screen itself, not of Actions. typing: whether the input line is open. end_typing: called when
    it is closed, with True on Enter.
    """
    key_bindings = KeyBindings()
    top = actions.top
    is_typing = Condition(typing)
    is_choosing = Condition(lambda: top.prompt is not None)
    in_page = Condition(lambda: top.page is not None)
    free = ~is_typing & ~is_choosing

    def bind(key: str, filter: FilterOrBool, run: Callable[[], None]) -> None:
        def pressed(_: KeyPressEvent) -> None:
            top.message = ""
            run()

        key_bindings.add(key, filter=filter)(pressed)

    for key in iter_keys():
        run = own.get(key.action) or getattr(actions, key.action)
        for name in key.keys.split():
            bind(name, free if key.action in IN_PAGES else free & ~in_page, run)

    @key_bindings.add(Keys.Any, filter=free)
    def explain(event: KeyPressEvent) -> None:
        if event.data.isprintable():
            actions.explain_key(event.data)

    for name, action in WHILE_TYPING.items():
        bind(name, is_typing, getattr(actions, action))
    bind("enter", is_typing, lambda: end_typing(True))
    for name in ("escape", "c-c", "c-d"):
        bind(name, is_typing, lambda: end_typing(False))

    @key_bindings.add(Keys.Any, filter=is_choosing & ~is_typing)
    def answer_prompt(event: KeyPressEvent) -> None:
        actions.answer_prompt(event.key_sequence[0].key)

    for name in ("escape", "c-c", "enter"):
        bind(name, is_choosing & ~is_typing, lambda: actions.answer_prompt(""))
    bind("<sigint>", True, own["leave"])
    return key_bindings
