"""The argument parser of the commands: its help teaches, and it complains as everything else in luzia does."""

from __future__ import annotations

import argparse
import math
import os

from luzia_protocol.states import JobState

from luzia_client.cli.args.command_line import COMMANDS
from luzia_client.cli.args.errors import UsageError, did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType
    from typing import Any, NoReturn

    Examples = Sequence[tuple[str, str]]
    """Command lines, and what each of them does."""

MAX_WIDTH = 98
EXAMPLE_WIDTH = 44


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help that is as wide as the terminal, but never so wide that it is hard to read."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=min(_columns() - 2, MAX_WIDTH))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Paragraphs are filled anew; what is indented or set in columns stays as it is."""
        import textwrap

        paragraphs = text.split("\n\n")
        return "\n\n".join(
            part if "  " in part or part.startswith("examples:") else textwrap.fill(part, width) for part in paragraphs
        )


class Parser(argparse.ArgumentParser):
    """An ArgumentParser with a short usage, whose mistakes are UsageErrors. prog: `luzia COMMAND`."""

    def __init__(self, prog: str, description: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            formatter_class=HelpFormatter,
            allow_abbrev=False,
            add_help=False,
        )
        self._positionals.title = "arguments"
        self.add_argument("-h", "--help", action="help", help="show this help")

    def format_help(self) -> str:
        """The help, which begins with a usage in one line."""
        self.usage = self.usage or self.short_usage()
        return super().format_help()

    def short_usage(self) -> str:
        """`luzia wait [options] ID…`."""
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
        """Read a command line. Raises UsageError, which names the option that was probably meant."""
        found, unknown = self.parse_known_args(args, namespace)
        if not unknown:
            return found
        options = [word for word in unknown if word.startswith("-")]
        if not options:
            raise UsageError(f"{' '.join(unknown)}: too many words", f"See `{self.prog} --help`.")
        name = options[0].partition("=")[0]
        near = did_you_mean(name, option_names(self))
        raise UsageError(f"unknown option {name}", f"{near}See `{self.prog} --help`.")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a word that is none of the action's choices."""
        if action.choices is not None and value not in action.choices:
            known = list(map(str, action.choices))
            name = action.option_strings[-1] if action.option_strings else str(action.metavar or action.dest)
            raise UsageError(
                f"{name}: {value!r} is none of {', '.join(known)}",
                f"{did_you_mean(str(value), known)}See `{self.prog} --help`.",
            )

    def error(self, message: str) -> NoReturn:
        """Raise the mistake."""
        raise UsageError(message, f"See `{self.prog} --help`.")


def load_command(name: str) -> ModuleType:
    """The module of a command."""
    from importlib import import_module

    return import_module(f"luzia_client.cli.commands.{COMMANDS[name][0]}")


def command_parser(name: str, module: ModuleType) -> Parser:
    """The parser of a command, with its examples at the end of the help."""
    parser = Parser(prog=f"luzia {name}", description=module.__doc__)
    module.configure(parser)
    parser.epilog = "\n\n".join(filter(None, [parser.epilog, format_examples(module.EXAMPLES)])).replace("%", "%%")
    return parser


def check_encoding(words: Sequence[str]) -> None:
    """Raise UsageError for a word that is not valid UTF-8."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError as exc:
            shown = word.encode(errors="surrogateescape").decode(errors="backslashreplace")
            raise UsageError(f"'{shown}' is not valid UTF-8", "Check the terminal's encoding.") from exc


def _columns() -> int:
    """As shutil.get_terminal_size, which takes long to load, and an ArgumentParser needs it for each argument."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def option_names(parser: argparse.ArgumentParser) -> Iterable[str]:
    """The options of a parser and of its actions' own parsers."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from option_names(inner)


def format_examples(examples: Examples) -> str:
    """The examples as the end of a help screen."""
    lines = ["examples:"]
    widest = max((len(command) for command, _ in examples if len(command) <= EXAMPLE_WIDTH), default=0)
    for command, text in examples:
        line = f"  {command:<{widest}}  {text}"
        lines += [line] if len(line) < 80 and len(command) <= widest else [f"  {command}", f"      {text}"]
    return "\n".join(lines)


def add_detach(parser: argparse.ArgumentParser) -> None:
    """The option for dispatches from inside a job."""
    help = "from inside a job: no sub-jobs of it, so that they outlive it"
    parser.add_argument("--detach", dest="parent", action="store_const", const="", help=help)


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option `--json`, which every command that prints has."""
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")


def add_ids(parser: argparse.ArgumentParser) -> None:
    """One or more job ids."""
    parser.add_argument(
        "ids", nargs="+", metavar="ID", help="a job's id, the beginning or end of one, agent:…, or @last"
    )


def parse_states(text: str) -> list[JobState]:
    """`running,failed` as states; raises ArgumentTypeError that lists the known ones."""
    words = [word.strip().lower().replace("-", "_") for word in text.split(",") if word.strip()]
    known = {state.value: state for state in JobState}
    for word in words:
        if word not in known:
            near = did_you_mean(word, known)
            raise argparse.ArgumentTypeError(f"{word!r} is no state. {near}The states are {', '.join(known)}")
    return [known[word] for word in words]


def parse_positive(text: str) -> int:
    """A whole number of 1 or more for argparse."""
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of 1 or more")
    return number


def parse_seconds(text: str) -> float:
    """A span of time for argparse, zero or more seconds."""
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise ValueError(text)
    return value
