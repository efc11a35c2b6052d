"""The command `luzia`: decides whether the first word is a command, and hands over to its module.

A dispatch comes first and imports next to nothing; the commands load what they need, argparse included.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from types import ModuleType

COMMANDS = {
    "dispatch": ("dispatch", "hand a task to a project's agent", "Start jobs"),
    "run": ("run", "run an exact command as a job, without a shell", "Start jobs"),
    "graph": ("graph", "dispatch jobs that come after one another, or draw them", "Start jobs"),
    "batch": ("batch", "dispatch many jobs from a file, all or none", "Start jobs"),
    "schedule": ("schedule", "dispatch jobs again and again, by the clock", "Start jobs"),
    "retry": ("retry", "run finished jobs again", "Start jobs"),
    "send": ("send", "say more in a job's conversation", "Start jobs"),
    "jobs": ("jobs", "list jobs, show one, watch them live", "Look"),
    "top": ("top", "all jobs on a full screen, with keys to act on them", "Look"),
    "logs": ("logs", "show or follow a job's output", "Look"),
    "follow": ("follow", "follow the output of many jobs at once", "Look"),
    "wait": ("wait", "wait for jobs; the exit status tells the outcome", "Look"),
    "shell": ("shell", "a prompt for all commands, with completion and news", "Look"),
    "open": ("open", "go to where a job works", "Look"),
    "diff": ("diff", "show what a job changed in its worktree", "Look"),
    "stats": ("stats", "how many jobs end, how long they take, what they cost", "Look"),
    "edit": ("edit", "change a queued job: its task, priority, dependencies", "Act"),
    "cancel": ("cancel", "end jobs and all their processes", "Act"),
    "pause": ("pause", "let jobs, a project or everything stand still", "Act"),
    "resume": ("resume", "let what is paused go on", "Act"),
    "hold": ("hold", "keep queued jobs from starting", "Act"),
    "release": ("release", "let held jobs start", "Act"),
    "drain": ("drain", "start nothing, and let what runs end", "Act"),
    "remove": ("remove", "forget finished jobs and delete their files", "Act"),
    "merge": ("merge", "merge a job's branch into the project", "Act"),
    "clean": ("clean", "remove worktrees whose work is merged", "Act"),
    "answer": ("answer", "answer what a job's agent asks", "Act"),
    "progress": ("progress", "report from inside a job how far it is", "Act"),
    "export": ("export", "write all jobs as JSON lines, to move them", "Set up"),
    "import": ("import_", "take in jobs that another luzia has exported", "Set up"),
    "projects": ("projects", "list, add and remove projects", "Set up"),
    "agents": ("agents", "list the agents that can run tasks", "Set up"),
    "daemon": ("daemon", "start, stop, restart, reload luziad, or ask how it does", "Set up"),
    "doctor": ("doctor", "check the set-up and say what to do", "Set up"),
    "demo": ("demo", "see it all at work in a temporary directory", "Set up"),
    "help": ("help", "explain a command or a topic", "Set up"),
    "completions": ("completions", "print a completion script for bash, zsh or fish", "Set up"),
    "version": ("version", "show the versions of both sides", "Set up"),
}
"""Name -> module in luzia_client.cli, help in one line, group in `luzia --help`.

`dispatch` and `run` have a grammar of their own: `run(words)`. The others offer `configure(parser)` and
`run(args)`; all return the exit status. EXAMPLES of each are pairs of a command line and what it does. The help,
the manual and the completions are made from these rows, the modules' docstrings and what `configure` says.
"""

OWN_GRAMMAR = ("dispatch", "run")


def main() -> int:
    """The console script: runs the command line, and turns every failure into words and an exit status."""
    try:
        if None in (sys.stdin, sys.stdout, sys.stderr):
            _open_missing_streams()
        _prepare_stdout()
        status = run(sys.argv[1:])
        sys.stdout.flush()
    except SystemExit:
        raise
    except BaseException as exc:
        from luzia_client.cli.failure import report

        return report(exc)
    return status


def run(words: list[str]) -> int:
    """Run a command line without the program's name; returns the exit status."""
    first = words[0] if words else ""
    if first in COMMANDS:
        return run_command(first, words[1:])
    if not words or first in ("-h", "--help", "-V", "--version"):
        from luzia_client.cli.help import usage

        return usage.top(words)
    if first == "--complete":
        from luzia_client.cli.completion import complete

        return complete.run(words[1:])
    from luzia_client.cli.args import grammar
    from luzia_client.cli.commands import dispatch

    if len(words) == 1 and not grammar.is_option(first):
        from luzia_client.cli.help import usage

        raise usage.no_task(first)
    return dispatch.run(words)


def run_command(name: str, words: list[str]) -> int:
    """Run one command with the words that follow its name."""
    if name == "dispatch":
        from luzia_client.cli.commands import dispatch

        return dispatch.run(words)
    module = load(name)
    if name in OWN_GRAMMAR:
        return int(module.run(words))
    for word in words:
        if not _is_utf8(word):
            from luzia_client.cli.failure import UsageError

            raise UsageError(f"{word!r} is not valid UTF-8", "Check the terminal's encoding.")
    args = parser_of(name, module).parse_args(words)
    return int(module.run(args))


def load(name: str) -> ModuleType:
    """The command's module."""
    from importlib import import_module

    return import_module(f"luzia_client.cli.commands.{COMMANDS[name][0]}")


def parser_of(name: str, module: ModuleType) -> ArgumentParser:
    """The command's argument parser."""
    from luzia_client.cli.args.parser import Parser, examples_text

    parser = Parser(prog=f"luzia {name}", description=module.__doc__)
    module.configure(parser)
    parser.epilog = "\n\n".join(filter(None, [parser.epilog, examples_text(module.EXAMPLES)])).replace("%", "%%")
    return parser


def _is_utf8(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _open_missing_streams() -> None:
    """What was closed becomes /dev/null: else the daemon's socket would take its number and get what is printed."""
    import os

    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def _prepare_stdout() -> None:
    """A terminal without UTF-8 gets `?` for what it cannot show, and never an error."""
    if sys.stdout.encoding != "utf-8":
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
