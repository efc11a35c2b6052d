"""What the command line offers, as data: the manual and the completions are made from it.

Loads every command, so nothing that a command runs imports this.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

from luzia_client.cli.args.command_line import COMMANDS, DISPATCH_COMMANDS
from luzia_client.cli.args.dispatch_options import list_options
from luzia_client.cli.args.parser import Parser, load_command
from luzia_client.cli.help import usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_client.cli.args.parser import Examples


class Parameter(NamedTuple):
    """An option or an argument.

    names: of the option, empty for an argument. value: its name in the help, empty for an option without one.
    many: more may follow. choices: the only words that it may be.
    """

    names: tuple[str, ...]
    value: str
    text: str
    choices: tuple[str, ...] = ()
    many: bool = False


class Command(NamedTuple):
    """A command, or an action of one.

    usage: one line or two. text: paragraphs about what it does. notes: what its help says after the options.
    """

    name: str
    title: str
    usage: str
    text: str
    words: list[Parameter]
    notes: str
    examples: Examples
    actions: list[Command]


def list_commands() -> list[Command]:
    """All commands, in the order of `luzia --help`."""
    return [describe_command(name) for name in COMMANDS]


def describe_command(name: str) -> Command:
    """One command."""
    module = load_command(name)
    title = COMMANDS[name][1]
    if name in DISPATCH_COMMANDS:
        head, text = usage.dispatch_usage(name)
        words = [Parameter(names, value, said) for names, value, said in list_options(name)]
        return Command(name, title, head, text, words, "", module.EXAMPLES, [])
    parser = Parser(prog=f"luzia {name}", description=module.__doc__)
    module.configure(parser)
    return _of_parser(name, title, parser, module.EXAMPLES)


def _of_parser(name: str, title: str, parser: argparse.ArgumentParser, examples: Examples) -> Command:
    words: list[Parameter] = []
    actions: list[Command] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            titles = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for key, inner in action.choices.items():
                actions.append(_of_parser(key, _plain(titles.get(key, "")), inner, ()))
        elif action.help != argparse.SUPPRESS:
            words.append(_word(action))
    assert isinstance(parser, Parser)
    head = parser.usage or parser.short_usage()
    text = (parser.description or "").strip()
    return Command(name, title, _plain(head), text, words, (parser.epilog or "").strip(), examples, actions)


def _word(action: argparse.Action) -> Parameter:
    """One of the parser's own words; what takes no value has the `nargs` 0."""
    value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
    return Parameter(
        names=tuple(action.option_strings),
        value=value,
        text=_plain(action.help or ""),
        choices=tuple(map(str, action.choices or ())),
        many=action.nargs in ("+", "*"),
    )


def _plain(text: str) -> str:
    """What argparse would show of a text of its own."""
    return text.replace("%%", "%")
