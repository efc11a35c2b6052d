"""What a table of keys is shown as."""

from __future__ import annotations

from enum import Flag, auto

from luzia_client.tui.fullscreen.keys import Key, KeyTable


class Where(Flag):
    LIST = auto()
    TEXT = auto()


def is_even(number: int) -> bool:
    return number % 2 == 0


TABLE: KeyTable[int] = KeyTable(
    {
        "Act": [
            Key("h", "h", "halve the number", "halve", Where.LIST, "halve", is_even),
            Key("up k", "↑ k", "move up", "up", Where.LIST | Where.TEXT),
        ],
        "General": [Key("q c-c", "q Ctrl-C", "quit", "leave", Where.LIST | Where.TEXT, "quit")],
    },
    footer=["leave", "halve"],
    mouse="Click to select.",
)


def test_the_footer_has_what_applies_to_a_subject_and_what_needs_none() -> None:
    assert TABLE.format_footer(Where.LIST, [1, 2], 80) == "q quit  h halve"
    assert TABLE.format_footer(Where.LIST, [1, 3], 80) == "q quit"
    assert TABLE.format_footer(Where.LIST, [], 80) == "q quit"
    assert TABLE.format_footer(Where.TEXT, [2], 80) == "q quit"


def test_the_footer_leaves_out_the_last_keys_where_there_is_no_room() -> None:
    assert TABLE.format_footer(Where.LIST, [2], len("q quit  h halve")) == "q quit  h halve"
    assert TABLE.format_footer(Where.LIST, [2], len("q quit  h halve") - 1) == "q quit"
    assert TABLE.format_footer(Where.LIST, [2], 3) == ""


def test_the_help_and_the_documentation_have_every_key_in_its_group() -> None:
    assert TABLE.format_help().splitlines() == [
        "Act",
        "  h             halve the number",
        "  ↑ k           move up",
        "",
        "General",
        "  q Ctrl-C      quit",
        "",
        "Click to select.",
    ]
    assert "| `↑`, `k` | move up |" in TABLE.format_tables().splitlines()
