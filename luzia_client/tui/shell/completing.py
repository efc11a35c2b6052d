"""What may stand where the cursor is: from the tables of the command line and from what the daemon told. Pure."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import cache

from luzia_protocol.jobs import RETRYABLE

from luzia_client.caller import is_path
from luzia_client.cli import grammar, parser, selection, usage
from luzia_client.cli.dispatch_options import OPTIONS
from luzia_client.cli.main import COMMANDS, OWN_GRAMMAR, load, parser_of
from luzia_client.cli.text import one_line
from luzia_client.cli.topics import TITLES
from luzia_client.tui.shell import offers
from luzia_client.tui.shell.lines import OWN, PROGRAM
from luzia_client.tui.shell.offers import META_CHARS, Choice, Files, Known, Offers, Place
from luzia_client.tui.shell.words import split


def place_of(line: str, known: Known) -> Place | None:
    """What is being typed at the end of the line; None inside of quotes, where nobody can know."""
    found = split(line)
    if found.open:
        return None
    texts, word, start = found.texts, "", len(line)
    if found.in_word:
        word, start = texts.pop(), found.words[-1].start
    if texts[:1] == [PROGRAM]:
        texts = texts[1:]
    return Place(texts, word, start, known)


def choices(place: Place) -> list[Choice] | Files:
    """What may stand there."""
    if not place.before and not place.word.startswith("-"):
        if is_path(place.word):
            return Files(place.word, place.start, only_directories=True)
        return offers.matching(place, _firsts(place.known))
    first = place.before[0] if place.before else ""
    if first == "use":
        return offers.matching(place, offers.projects(place.known))
    if first in OWN_GRAMMAR:
        return _dispatch(place, place.before[1:])
    if first in COMMANDS:
        return _command(place, parser_named(first), place.before[1:])
    return _dispatch(place, place.before)


@cache
def parser_named(command: str) -> argparse.ArgumentParser:
    """The parser of a command, made once."""
    return parser_of(command, load(command))


def _firsts(known: Known) -> Offers:
    return [*_commands(), *OWN.items(), *offers.projects(known)]


def _commands() -> Offers:
    return [(name, text) for name, (_, text, _) in COMMANDS.items()]


def _command(place: Place, of: argparse.ArgumentParser, words: Sequence[str]) -> list[Choice] | Files:
    """Of a command with a parser: its options, their values, and what its words may be."""
    options = {name: action for action in of._actions for name in action.option_strings}
    positionals = [action for action in of._actions if not action.option_strings]
    position, plain = 0, []
    while position < len(words):
        word = words[position]
        action = options.get(word)
        position += 1
        if action is not None and action.nargs is None:
            if position == len(words):
                return _values(place, action)
            position += 1
        elif word[:1] != "-" or word == "-":
            plain.append(word)
            current = _positional(positionals, len(plain) - 1)
            if isinstance(current, argparse._SubParsersAction) and word in current.choices:
                return _command(place, current.choices[word], words[position:])
    if place.word[:1] == "-":
        name, equals, value = place.word.partition("=")
        if equals and name in options:
            return _values(place._replace(word=value), options[name], f"{name}=")
        long = {name: _help(action) for name, action in options.items() if name.startswith("--")}
        return offers.matching(place, long.items())
    current = _positional(positionals, len(plain))
    return [] if current is None else _values(place, current, named=plain)


def _positional(positionals: Sequence[argparse.Action], number: int) -> argparse.Action | None:
    """The action that takes the word of this number."""
    if number < len(positionals):
        return positionals[number]
    last = positionals[-1] if positionals else None
    return last if last is not None and last.nargs in ("*", "+") else None


def _help(action: argparse.Action) -> str:
    said = action.help
    return "" if said is None or said == argparse.SUPPRESS else one_line(said.replace("%%", "%"), META_CHARS)


def _values(place: Place, action: argparse.Action, prefix: str = "", named: Sequence[str] = ()) -> list[Choice] | Files:
    """What an option or a word of a command may be, as its parser has it."""
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    if isinstance(action, argparse._SubParsersAction):
        return offers.matching(place, [(each.dest, each.help or "") for each in action._choices_actions], prefix)
    if action.choices is not None:
        return offers.matching(place, [(str(each), "") for each in action.choices], prefix)
    if metavar.startswith("ID"):
        return offers.listed(place, prefix, named) if "," in metavar else offers.jobs(place, prefix, named)
    if action.type is parser.states:
        return offers.listed_words(place, offers.states(), prefix)
    if action.type is selection.tag:
        return offers.matching(place, offers.tags(place.known), prefix)
    if action.dest == "project" or metavar == "PROJECT":
        return offers.matching(place, offers.projects(place.known), prefix)
    if action.dest == "agent":
        return offers.matching(place, offers.agents(place.known), prefix)
    if metavar == "COMMAND|TOPIC":
        return offers.matching(place, [*_commands(), *TITLES.items()], prefix)
    if metavar in ("FILE", "PATH", "DIR"):
        return Files(place.word, place.start, prefix, only_directories=metavar != "FILE")
    return []


def _dispatch(place: Place, words: Sequence[str]) -> list[Choice] | Files:
    """Of a dispatch: options, their values, the project; a task is anybody's own."""
    position, project = 0, False
    while position < len(words):
        word = words[position]
        position += 1
        if word == "--" or (project and not grammar.is_option(word)):
            return []
        if not grammar.is_option(word):
            project = True
        elif _takes_value(word) and position == len(words):
            return _dispatch_values(place, word)
        elif _takes_value(word):
            position += 1
    if place.word[:1] == "-":
        name, equals, value = place.word.partition("=")
        if equals:
            return _dispatch_values(place._replace(word=value), name, f"{name}=")
        return offers.matching(place, dispatch_options().items())
    if project:
        if place.word[:1] == "@":
            return Files(place.word[1:], place.start, "@")
        return []
    if is_path(place.word):
        return Files(place.word, place.start, only_directories=True)
    return offers.matching(place, offers.projects(place.known))


def _takes_value(option: str) -> bool:
    return option in grammar.VALUED or (option in OPTIONS and bool(OPTIONS[option].value))


def _dispatch_values(place: Place, option: str, prefix: str = "") -> list[Choice] | Files:
    """What may follow an option of a dispatch."""
    name = grammar.VALUED.get(option, option)
    if name == "--agent":
        return offers.matching(place, offers.agents(place.known), prefix)
    field = OPTIONS[name].field if name in OPTIONS else ""
    if field in ("after", "after_any", "after_fail"):
        return offers.listed(place, prefix)
    if field == "cwd":
        return Files(place.word, place.start, prefix, only_directories=True)
    if field == "tags":
        return offers.matching(place, offers.tags(place.known), prefix)
    if field == "retry_on":
        return offers.listed_words(place, [(outcome.value, "") for outcome in RETRYABLE], prefix)
    return []


@cache
def dispatch_options() -> Mapping[str, str]:
    """The options of a dispatch with what they do, as its help has them."""
    return {names[-1]: text for names, _, text in usage.options("dispatch")}
