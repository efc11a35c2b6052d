"""The help of `luzia`, `luzia dispatch` and `luzia run`, and the error for a command line without a task."""

from __future__ import annotations

from luzia_client.cli.args.command_line import ALIASES, COMMANDS, TASK_HINT
from luzia_client.cli.help.topics import TITLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_client.cli.args.errors import UsageError

SHORT = """\
luzia PROJECT TASK…       run a task with a project's coding agent
luzia . "fix the tests"   run a task in the current directory
luzia jobs                list jobs
luzia --help              list all commands
"""

DISPATCH = """\
Run a task with the project's coding agent, in the background. The name of the
job is printed immediately.

PROJECT is the name of a configured project (see `luzia projects`), or a
directory such as . or ~/x. The words after it are the task. If the task is -,
it is read from stdin; if it is @FILE, from that file. Options come before the
task: an option among its unquoted words is refused. After `--`, everything is
part of the task, even an option, - or @FILE.

Use the long form, `luzia dispatch`, for a project whose name is also a command.
"""

RUN = """\
Run a command as a job in the project's directory, without a shell and without
an agent.
"""

USAGES = {
    "dispatch": ("luzia [options] PROJECT TASK…\nluzia dispatch [options] PROJECT TASK…", DISPATCH),
    "run": ("luzia run [options] PROJECT -- PROGRAM [ARGUMENT…]", RUN),
}
"""Command -> its usage and its description."""

NAME_WIDTH = max(map(len, COMMANDS)) + 1
ALIAS_WIDTH = 28
OPTION_WIDTH = 28
HELP_WIDTH = 80


def print_dispatch_help(command: str) -> int:
    """Print the help of `dispatch` or `run`; returns the exit status."""
    from textwrap import wrap

    from luzia_client.cli.args.dispatch_options import SECTIONS, list_options
    from luzia_client.cli.args.parser import format_examples, load_command

    usage, description = USAGES[command]
    lines = ["usage: " + usage.replace("\n", "\n       "), "", description.rstrip()]
    options = list_options(command)
    for section in SECTIONS:
        lines += ["", f"{section}:"]
        for option in (each for each in options if each.section == section):
            short = f"{option.names[0]}, " if len(option.names) > 1 else "    "
            term = f"  {short}{option.names[-1]} {option.value}".rstrip()
            text = wrap(option.help, HELP_WIDTH - OPTION_WIDTH)
            if len(term) > OPTION_WIDTH - 2:
                lines.append(term)
            else:
                lines.append(f"{term:<{OPTION_WIDTH}}{text.pop(0)}")
            lines += [" " * OPTION_WIDTH + line for line in text]
    print("\n".join([*lines, "", format_examples(load_command(command).EXAMPLES)]))
    return 0


def print_help(words: list[str]) -> int:
    """Print all commands, or the version, for `luzia --help` and `luzia --version`; returns the exit status."""
    if words[0] in ("-V", "--version"):
        from luzia_client import __version__

        print(f"luzia {__version__}")
    else:
        print(format_commands())
    return 0


def print_short_help() -> int:
    """Print how to begin; returns the exit status."""
    print(SHORT, end="")
    return 0


def format_commands() -> str:
    """The text of `luzia --help`: the commands by group, and the topics."""
    lines = [SHORT.rsplit("luzia --help", 1)[0].rstrip(), ""]
    for group in dict.fromkeys(group for _, _, group in COMMANDS.values()):
        lines.append(f"{group}:")
        lines += [f"  {name:<{NAME_WIDTH}} {summary}" for name, (_, summary, of) in COMMANDS.items() if of == group]
        lines.append("")
    lines += ["Other names:", *(f"  {names:<{ALIAS_WIDTH}} {name}" for name, names in other_names().items()), ""]
    lines += _user_aliases()
    lines.append("`luzia help COMMAND` describes a command, `luzia help TOPIC` a topic:")
    lines += [f"  {name:<{NAME_WIDTH}} {title}" for name, title in TITLES.items()]
    return "\n".join(lines)


def _user_aliases() -> list[str]:
    from luzia_protocol.environment import config_mentions

    if not config_mentions(b"aliases"):
        return []
    from luzia_client.cli.args.user_aliases import read_aliases
    from luzia_client.cli.show.text import one_line

    lines = [f"  {one_line(name, 20):<{NAME_WIDTH}} {one_line(line, 60)}" for name, line in read_aliases().items()]
    return ["Your aliases:", *lines, ""] if lines else []


def other_names() -> dict[str, str]:
    """Each command that has aliases, and these, separated by commas."""
    found: dict[str, list[str]] = {}
    for alias, name in ALIASES.items():
        found.setdefault(name, []).append(alias)
    return {name: ", ".join(aliases) for name, aliases in found.items()}


def missing_task_error(word: str) -> UsageError:
    """The error for a single word: a project without a task, or a misspelt command."""
    from luzia_client.cli.args.errors import UsageError
    from luzia_client.cli.args.task_source import check_project
    from luzia_client.cli.show.errors import suggest_command

    near = suggest_command(word)
    if near is not None:
        return UsageError(f"unknown command or project '{word}'", f"Did you mean `{near}`?")
    try:
        check_project(word, ())
    except UsageError as unknown:
        return unknown
    return UsageError(f"no task for project '{word}'", TASK_HINT)
