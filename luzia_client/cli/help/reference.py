"""The command line as data, from which the manual and the completions are generated.

It loads every command, so no command may import it.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

from luzia_client.cli.args.command_line import COMMANDS, DISPATCH_COMMANDS
from luzia_client.cli.args.dispatch_options import SECTIONS, list_options
from luzia_client.cli.args.parser import Parser, load_command
from luzia_client.cli.help import usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_client.cli.args.parser import Examples


class Parameter(NamedTuple):
    """An option or an argument.

    names: of the option, empty for an argument. value: its name in the help, empty for a switch. section: its heading.
    choices: the only values. repeated: whether several may follow one another.
    """

    names: tuple[str, ...]
    value: str
    help: str
    section: str = "Options"
    choices: tuple[str, ...] = ()
    repeated: bool = False


class Command(NamedTuple):
    """A command, or an action of one. usage: one or two lines. notes: the end of its help, without the examples."""

    name: str
    summary: str
    usage: str
    description: str
    parameters: list[Parameter]
    notes: str
    examples: Examples
    actions: list[Command]


def list_commands() -> list[Command]:
    """All commands, in the order of `luzia --help`."""
    return [describe_command(name) for name in COMMANDS]


def describe_command(name: str) -> Command:
    """One command."""
    module = load_command(name)
    summary = COMMANDS[name][1]
    if name in DISPATCH_COMMANDS:
        options = sorted(list_options(name), key=lambda option: SECTIONS.index(option.section))
        parameters = [Parameter(each.names, each.value, each.help, each.section) for each in options]
        return Command(name, summary, *usage.USAGES[name], parameters, "", module.EXAMPLES, [])
    parser = Parser(prog=f"luzia {name}", description=module.__doc__)
    module.configure(parser)
    return _describe_parser(name, summary, parser, module.EXAMPLES)


def _describe_parser(name: str, summary: str, parser: argparse.ArgumentParser, examples: Examples) -> Command:
    parameters: list[Parameter] = []
    actions: list[Command] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for key, inner in action.choices.items():
                actions.append(_describe_parser(key, _unescape(summaries.get(key, "")), inner, ()))
        elif action.help != argparse.SUPPRESS:
            parameters.append(_describe_parameter(action))
    assert isinstance(parser, Parser)
    line = _unescape(parser.usage or parser.short_usage())
    description = (parser.description or "").strip()
    return Command(name, summary, line, description, parameters, (parser.epilog or "").strip(), examples, actions)


def _describe_parameter(action: argparse.Action) -> Parameter:
    section = getattr(action.container, "title", None)  # type: ignore[attr-defined]  # the group that it was added to
    return Parameter(
        names=tuple(action.option_strings),
        value="" if action.nargs == 0 else str(action.metavar or action.dest.upper()),
        help=_unescape(action.help or ""),
        section=section or "Options",
        choices=tuple(map(str, action.choices or ())),
        repeated=action.nargs in ("+", "*"),
    )


def _unescape(text: str) -> str:
    """The text as argparse would print it."""
    return text.replace("%%", "%")
