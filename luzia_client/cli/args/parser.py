"""The argument parser of the commands, whose help has examples and whose errors are UsageErrors."""

from __future__ import annotations

import argparse
import os

from luzia_protocol.states import JobState

from luzia_client.cli.args.command_line import COMMANDS, parse_project
from luzia_client.cli.args.errors import UsageError, did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from types import ModuleType
    from typing import Any, NoReturn, TypeVar

    ActionParser = TypeVar("ActionParser", bound=argparse.ArgumentParser)

    Examples = Sequence[tuple[str, str]]
    """Command lines with their explanations."""

_ARGPARSE_WORDS = (
    (r"^argument ", ""),
    (r"^(?:-\w/)?(--?[\w-]+)(?:/--?[\w-]+)*: expected (?:one|at least one) argument$", r"\1 requires a value"),
    (r"^(?:-\w/)?(--?[\w-]+)(?:/--?[\w-]+)*: ignored explicit argument .*", r"\1 takes no value"),
    (
        r"^(?:-\w/)?(--?[\w-]+)(?:/--?[\w-]+)*: not allowed with argument (?:-\w/)?(--?[\w-]+)",
        r"\1 cannot be combined with \2",
    ),
    (r"^-\w/(--[\w-]+)(?:/--?[\w-]+)*", r"\1"),
    (r"^one of the arguments (.+) is required$", r"missing one of \1"),
)
"""Messages of argparse, and what is said instead; several may apply to one message."""

_MISSING = "the following arguments are required: "

MAX_WIDTH = 98
EXAMPLE_WIDTH = 44
TEXTS = ("WORD", "TASK", "MESSAGE", "ANSWER")
"""The names of arguments whose words are a text."""
ID_HELP = (
    "a job's id, or the beginning or end of the id; its name (agent:…, or a name given at the dispatch); @last,"
    " @last~1, @running or @failed"
)


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Formats help to the width of the terminal, up to MAX_WIDTH."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=min(_columns() - 2, MAX_WIDTH))

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """`-n, --lines N` instead of `-n N, --lines N`."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Wrap paragraphs; keep what is indented or set in columns."""
        import textwrap

        paragraphs = text.split("\n\n")
        return "\n\n".join(
            part if "  " in part or part.startswith("Examples:") else textwrap.fill(part, width) for part in paragraphs
        )


class Parser(argparse.ArgumentParser):
    """An ArgumentParser with a short usage. prog: `luzia COMMAND`. Errors are raised as UsageError."""

    def __init__(self, prog: str, description: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            formatter_class=HelpFormatter,
            allow_abbrev=False,
            add_help=False,
        )
        self._positionals.title = "Arguments"
        self._optionals.title = "Options"
        self.add_argument("-h", "--help", action="help", help="show this help")

    def format_help(self) -> str:
        """The help, beginning with the usage."""
        self.usage = self.usage or self.short_usage()
        return super().format_help()

    def short_usage(self) -> str:
        """The usage in one line: `luzia wait [options] ID…`."""
        words = [self.prog]
        options = [action for action in self._actions if action.option_strings]
        words += [f"{action.option_strings[-1]} {action.metavar}" for action in options if action.required]
        words += ["[options]"] if any(not action.required and action.dest != "help" for action in options) else []
        for action in self._actions:
            if not action.option_strings:
                name = str(action.metavar or action.dest)
                many = "…" if action.nargs in ("+", "*") else ""
                words.append(f"[{name}{many}]" if action.nargs in ("?", "*") else f"{name}{many}")
        return " ".join(words).replace("%", "%%")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse a command line. Raises UsageError, with the closest option for an unknown one."""
        found, unknown = self.parse_known_args(args, namespace)
        unknown += [word for word in getattr(found, "ids", None) or () if word[:1] == "-"]  # -9 is a number to argparse
        if not unknown or self._take_words(found, unknown):
            return found
        options = [word for word in unknown if word.startswith("-")]
        chosen = self._chosen_parser(found)
        if not options:
            raise UsageError(f"unexpected argument '{unknown[0]}'", f"See `{chosen.prog} --help`.")
        raise self._unknown_option(options[0], chosen)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse a command line, and return the words that are not known. Raises UsageError."""
        self._words = list(args or ())
        return super().parse_known_args(args, namespace)

    def _unknown_option(self, word: str, chosen: argparse.ArgumentParser) -> UsageError:
        """The error for an option that does not exist, with the closest one. chosen: the parser that should know it."""
        from luzia_client.cli.args.foreign_words import OPTION_MEANINGS

        name = word.partition("=")[0]
        if meant := OPTION_MEANINGS.get((self.prog.removeprefix("luzia "), name)):
            return UsageError(f"unknown option {name}", f"Did you mean `luzia {meant}`?")
        near = did_you_mean(name, option_names(chosen))
        takes_text = any(action.metavar in TEXTS for action in self._actions)
        as_text = " To pass it as text, put `--` before the text." if takes_text else ""
        return UsageError(f"unknown option {name}", f"{near}See `{chosen.prog} --help`.{as_text}")

    def _chosen_parser(self, found: Any) -> argparse.ArgumentParser:
        """The parser of the action on the command line, or this one."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                chosen: argparse.ArgumentParser = action.choices.get(getattr(found, action.dest, ""), self)
                return chosen
        return self

    def _take_words(self, found: Any, unknown: list[str]) -> bool:
        """Give words after an option to the last argument, if argparse has left it empty: `send ID --conflict WORD`."""
        last = next((action for action in reversed(self._actions) if not action.option_strings), None)
        if last is None or last.nargs != "*" or last.metavar not in TEXTS or getattr(found, last.dest):
            return False
        words = unknown[1:] if unknown[0] == "--" else unknown
        if words is unknown and any(word.startswith("-") for word in words):
            return False
        setattr(found, last.dest, words)
        return True

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raise UsageError unless the value is one of the action's choices."""
        if action.choices is not None and value not in action.choices:
            from luzia_client.cli.args.foreign_words import ACTION_MEANINGS

            known = list(map(str, action.choices))
            name = action.option_strings[-1] if action.option_strings else str(action.metavar or action.dest)
            meant = ACTION_MEANINGS.get((self.prog.removeprefix("luzia "), str(value)))
            near = f"Did you mean `luzia {meant}`? " if meant else did_you_mean(str(value), known)
            if action.metavar == "ACTION" and not near:  # perhaps it is a task
                directory = "./" + self.prog.removeprefix("luzia ")
                near = f"To run a task in a directory of this name, write `luzia {directory} TASK…`. "
            raise UsageError(
                f"{name}: invalid choice '{value}' (choose from {', '.join(known)})",
                f"{near}See `{self.prog} --help`.",
            )

    def error(self, message: str) -> NoReturn:
        """Raise UsageError, in luzia's words instead of argparse's."""
        import re

        if message.startswith((_MISSING, "one of the arguments")):
            self._check_options()
        if message.startswith(_MISSING):
            raise self._missing(message.removeprefix(_MISSING).split(", "))
        for pattern, words in _ARGPARSE_WORDS:
            message = re.sub(pattern, words, message)
        raise UsageError(message, f"See `{self.prog} --help`.")

    def _check_options(self) -> None:
        """Raise UsageError for an unknown option; argparse looks for what is missing first."""
        words = self._words[: self._words.index("--")] if "--" in self._words else self._words
        known = {*option_names(self)}
        for word in words:
            if word.startswith("--") and " " not in word and word.partition("=")[0] not in known:
                raise self._unknown_option(word, self)

    def _missing(self, names: Sequence[str]) -> UsageError:
        """The error for arguments that are not given. argparse also names those that may be left out."""
        optional = {str(action.metavar) for action in self._actions if action.nargs == "*"}
        needed = [name for name in names if name not in optional]
        usage = self.usage if self.usage is not None else self.short_usage()
        shown = "" if "\n" in usage else f"Usage: {usage.replace('%%', '%')}; see"
        newest = " @last is your newest job." if "ID" in needed else ""
        return UsageError(f"missing {', '.join(needed)}", f"{shown or 'See'} `{self.prog} --help`.{newest}")


def load_command(name: str) -> ModuleType:
    """The module of a command."""
    from importlib import import_module

    return import_module(f"luzia_client.cli.commands.{COMMANDS[name][0]}")


def command_parser(name: str, module: ModuleType) -> Parser:
    """The parser of a command, with its examples at the end of its help."""
    parser = Parser(prog=f"luzia {name}", description=module.__doc__)
    module.configure(parser)
    parser.epilog = "\n\n".join(filter(None, [parser.epilog, format_examples(module.EXAMPLES)]))
    return parser


def check_encoding(words: Sequence[str]) -> None:
    """Raise UsageError for a word that is not valid UTF-8."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError as exc:
            shown = word.encode(errors="surrogateescape").decode(errors="backslashreplace")
            raise UsageError(
                f"'{shown}' is not valid UTF-8", "Rename what has that name, or check the terminal's encoding."
            ) from exc


def _columns() -> int:
    """The width of the terminal. shutil, which has a function for it, takes long to load."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def option_names(parser: argparse.ArgumentParser) -> Iterable[str]:
    """The options of a parser and of the parsers of its actions."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from option_names(inner)


def format_examples(examples: Examples) -> str:
    """The examples as the last section of the help."""
    lines = ["Examples:"]
    widest = max((len(command) for command, _ in examples if len(command) <= EXAMPLE_WIDTH), default=0)
    for command, text in examples:
        line = f"  {command:<{widest}}  {text}"
        lines += [line] if len(line) < 80 and len(command) <= widest else [f"  {command}", f"      {text}"]
    return "\n".join(lines)


def add_detach(parser: argparse.ArgumentParser) -> None:
    """Add the option `--detach`."""
    help = "from inside a job: dispatch independent jobs that can outlive it, instead of sub-jobs"
    parser.add_argument("--detach", dest="parent", action="store_const", const="", help=help)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON, one object per line")


def add_inner_json(parser: argparse.ArgumentParser, help: str = argparse.SUPPRESS) -> None:
    """Add `--json` to the parser of an action, without a default that would reset a `--json` before the action."""
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=help)


def add_action(actions: argparse._SubParsersAction[ActionParser], name: str, text: str) -> ActionParser:
    """Add an action of a command, which accepts `--json` as well. text: what it does, for the help."""
    action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    add_inner_json(action)
    return action


def add_project_filter(
    parser: argparse._ActionsContainer, text: str = "only jobs of this project (repeatable)"
) -> None:
    """Add `--project`, which selects jobs by their projects. text: its help."""
    parser.add_argument("-p", "--project", action="append", default=[], type=parse_project, metavar="P", help=text)


def add_since(parser: argparse._ActionsContainer, example: str) -> None:
    """Add `--since`, which restricts a list to jobs dispatched from a time on."""
    text = f"only jobs dispatched since WHEN: {example}, 09:00, yesterday, 2026-11-24"
    parser.add_argument("--since", type=parse_since, metavar="WHEN", help=text)


def parse_since(text: str) -> datetime:
    """A past time for argparse, in the local zone."""
    from datetime import UTC, datetime

    from luzia_client.cli.args.times import explain_ambiguous, parse_past_time

    now = datetime.now(UTC)
    try:
        return parse_past_time(text, now).astimezone()
    except (ValueError, OverflowError) as exc:
        message = f"invalid time or duration '{text}'; for example 2h, 09:00, yesterday, mon or 2026-11-24"
        if instead := explain_ambiguous(text, now):
            message = f"invalid time '{text}'. {instead}"
        raise argparse.ArgumentTypeError(message) from exc


def add_ids(parser: argparse.ArgumentParser) -> None:
    """Add one or more job ids."""
    parser.add_argument("ids", nargs="+", metavar="ID", help=ID_HELP)


def parse_states(text: str) -> list[JobState]:
    """States for argparse, such as `running,failed`."""
    words = [word.strip().lower().replace("-", "_") for word in text.split(",") if word.strip()]
    known = {state.value: state for state in JobState}
    for word in words:
        if word not in known:
            near = did_you_mean(word, known)
            raise argparse.ArgumentTypeError(f"invalid state '{word}'. {near}The states are {', '.join(known)}")
    return [known[word] for word in words]


def parse_integer(text: str) -> int:
    """An integer for argparse."""
    try:
        return int(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"invalid number '{text}'") from exc


def parse_positive(text: str) -> int:
    """An integer of 1 or more for argparse."""
    return _parse_integer(text, 1)


def parse_count(text: str) -> int:
    """An integer of 0 or more for argparse."""
    return _parse_integer(text, 0)


def _parse_integer(text: str, least: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if number < least:
        raise argparse.ArgumentTypeError(f"invalid number '{text}': it must be {least} or more")
    return number


def parse_seconds(text: str) -> float:
    """A duration for argparse, in seconds: 0 or more, such as `90` or `1h30m`."""
    from luzia_client.cli.args.times import parse_duration_s

    try:
        return 0.0 if text.strip("0") in ("", ".") and "0" in text else parse_duration_s(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid duration '{text}': write 90, 0.5 or 1h30m") from None
