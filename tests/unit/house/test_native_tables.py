"""The tables of the native luzia are those of the Python program."""

from __future__ import annotations

from luzia_docs import native_tables


def test_the_tables_of_the_native_program_are_up_to_date() -> None:
    assert native_tables.HEADER.read_text() == native_tables.render_tables(), "run `make generate`"
