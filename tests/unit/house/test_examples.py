"""Every command shows how it is used, with examples that it understands itself."""

from __future__ import annotations

import shlex

import pytest

from luzia_client.cli.args import command_line
from luzia_client.cli.args.command_line import COMMANDS, DISPATCH_COMMANDS
from luzia_client.cli.args.parser import command_parser, load_command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_that_it_understands(name: str) -> None:
    module = load_command(name)
    assert hasattr(module, "EXAMPLES"), f"{module.__name__} needs EXAMPLES: pairs of a command line and what it does"
    assert 1 <= len(module.EXAMPLES) <= 3
    for command, text in module.EXAMPLES:
        words = shlex.split(command.partition(" && ")[0])
        assert words[0] == "luzia", command
        assert text
        if name == "dispatch":
            assert command_line.parse_dispatch(words[1:], name).words
            continue
        assert words[1] == name
        if name in DISPATCH_COMMANDS:
            assert command_line.parse_dispatch(words[2:], name).words
        else:
            command_parser(name, module).parse_args(words[2:])
