from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luzia_client.cli.show.safe_output import RESET, SafeOutput


def shown(*pieces: bytes, colour: bool = True) -> str:
    safe = SafeOutput(colour)
    return "".join([*(safe.feed(piece) for piece in pieces), safe.end()])


def test_plain_text_tabs_and_line_ends_pass() -> None:
    assert shown("a\tb\r\nc 漢字\n".encode()) == "a\tb\r\nc 漢字\n"


def test_colours_pass_and_are_reset_at_the_end() -> None:
    assert shown(b"\x1b[1;31mred") == "\x1b[1;31mred" + RESET


def test_colours_are_taken_out_where_none_are_wanted() -> None:
    assert shown(b"\x1b[1;31mred\x1b[0m", colour=False) == "red"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x1b[2J", "^[[2J"),
        (b"\x1b]0;title\x07", "^[]0;title^G"),
        (b"\x1b[?1049h", "^[[?1049h"),
        (b"\x08\x7f", "^H^?"),
        (b"\xc2\x9b2J", "\\x9b2J"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"\x1b", "^["),
        (b"\x1b[31", "^[[31"),
    ],
)
def test_everything_else_that_steers_a_terminal_is_shown(data: bytes, text: str) -> None:
    assert shown(data) == text


def test_a_colour_or_character_cut_in_two_comes_out_whole() -> None:
    data = "\x1b[38;5;196m漢\x1b[0m".encode()
    for at in range(len(data)):
        assert shown(data[:at], data[at:]) == "\x1b[38;5;196m漢\x1b[0m" + RESET


@given(st.lists(st.binary()))
def test_how_output_is_cut_into_pieces_makes_no_difference(pieces: list[bytes]) -> None:
    assert shown(*pieces) == shown(b"".join(pieces))
