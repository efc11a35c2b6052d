"""What the commands' parsers say about a wrong option."""

from __future__ import annotations

import pytest

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import command_parser, load_command


def hint(command: str, *words: str) -> str:
    with pytest.raises(UsageError) as caught:
        command_parser(command, load_command(command)).parse_args(words)
    return caught.value.hint


def test_the_suggestion_for_an_option_is_one_of_the_action_that_was_chosen() -> None:
    assert hint("notify", "test", "x", "--json") == "See `luzia notify test --help`."
    assert hint("notify", "log", "--jsn") == "Did you mean `--json`? See `luzia notify log --help`."


def test_the_suggestion_of_a_command_without_actions_names_the_command() -> None:
    assert hint("wait", "--tiemout", "1m", "a2f5") == "Did you mean `--timeout`? See `luzia wait --help`."
