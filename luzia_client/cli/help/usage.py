"""Help texts, and what to say to a command line that is only half there."""

from __future__ import annotations

from luzia_client.cli.args.command_line import COMMANDS
from luzia_client.cli.help.topics import TITLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_client.cli.args.errors import UsageError

SHORT = """\
luzia PROJECT TASK…       hand a task to a project's agent
luzia . "fix the tests"   the same for a directory
luzia jobs                see what became of it
luzia --help              all commands
"""

DISPATCH = """\
Hand a task to the project's agent. It runs in the background; the job's name is
printed.

  PROJECT   a configured name (see `luzia projects`), or a directory: . ~/x
            /srv/x; when it is named like a command say `luzia dispatch`
  WORD…     the task; - alone reads it from stdin, @FILE alone from a file

The options end at the first word of the task, or at `--`.
"""

RUN = """\
Run an exact command as a job in the project's directory: no shell, no agent.
"""

HEADS = {
    "dispatch": ("luzia [options] PROJECT WORD…\nluzia dispatch [options] PROJECT WORD…", DISPATCH),
    "run": ("luzia run [options] PROJECT -- PROGRAM [ARGUMENT…]", RUN),
}


def dispatch_usage(command: str) -> tuple[str, str]:
    """The usage of `dispatch` or `run`, and what it does."""
    return HEADS[command]


def print_dispatch_help(command: str) -> int:
    """Print the help of `dispatch` or `run`."""
    from textwrap import wrap

    from luzia_client.cli.args.dispatch_options import list_options
    from luzia_client.cli.args.parser import format_examples, load_command

    first, text = dispatch_usage(command)
    lines = ["usage: " + first.replace("\n", "\n       "), "", text, "options:"]
    for names, value, said in list_options(command):
        name = f"{', '.join(names):>5}" if len(names) > 1 else f"      {names[0]}"
        begin, *more = wrap(said, 52)
        lines += [
            f"{'  ' if len(names) > 1 else ''}{name} {value}".ljust(28) + begin,
            *(" " * 28 + part for part in more),
        ]
    print("\n".join([*lines, "", format_examples(load_command(command).EXAMPLES)]))
    return 0


def print_help(words: list[str]) -> int:
    """`luzia` without a command: short help, all commands, or the version."""
    if words and words[0] in ("-V", "--version"):
        from luzia_client import __version__

        print(f"luzia {__version__}")
    elif words:
        print(format_commands())
    else:
        print(SHORT, end="")
    return 0


def format_commands() -> str:
    """The help of `luzia --help`: the table of commands, by group."""
    lines = [SHORT.rsplit("luzia --help", 1)[0].rstrip(), ""]
    for group in dict.fromkeys(group for _, _, group in COMMANDS.values()):
        lines.append(f"{group}:")
        lines += [f"  {name:<12} {text}" for name, (_, text, of) in COMMANDS.items() if of == group]
        lines.append("")
    lines.append("`luzia help COMMAND` and `luzia help TOPIC` say more. The topics:")
    lines += _wrapped(list(TITLES))
    return "\n".join(lines)


def _wrapped(words: list[str]) -> list[str]:
    """The words with commas between them, in lines that fit a terminal."""
    lines = [" "]
    for number, word in enumerate(words):
        piece = f" {word}" + ("," if number + 1 < len(words) else "")
        if len(lines[-1]) + len(piece) > 79:
            lines.append(" ")
        lines[-1] += piece
    return lines


def missing_task_error(word: str) -> UsageError:
    """One bare word is a project without a task, or a misspelt command."""
    from luzia_client.cli.args.command_line import TASK_HINT
    from luzia_client.cli.args.errors import UsageError
    from luzia_client.cli.show.errors import closest_command

    near = closest_command(word)
    if near is not None:
        return UsageError(f"no command {word!r}, and no task for such a project", f"Did you mean `luzia {near}`?")
    return UsageError(f"no task for project {word!r}", TASK_HINT)
