"""The grammar of a dispatch: options, the project, and the task or argv.

On the way of every dispatch: imports next to nothing (see dispatch.py).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_client.cli.args.errors import UsageError

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

DISPATCH_COMMANDS = ("dispatch", "run")

MAX_TASK_BYTES = 1024 * 1024

COMMON_OPTIONS = {
    "-a": "--agent",
    "--agent": "--agent",
    "-e": "--env",
    "--env": "--env",
    "--key": "--key",
}
"""The options with a value that many use; dispatch_options.py has the others."""
TASK_HINT = 'Say what to do, as in: luzia . "fix the login button"'
FLAGS = ("-q", "--quiet", "--json", "-h", "--help")


class DispatchLine:
    """What the command line asks for.

    words: the task's, or the argv of `luzia run`. more: fields of the request that options of dispatch_options.py give.
    """

    project: str = ""
    agent: str = ""
    key: str = ""
    quiet: bool = False
    json: bool = False
    help: bool = False

    def __init__(self) -> None:
        self.env: dict[str, str] = {}
        self.words: list[str] = []
        self.more: dict[str, object] = {}


def parse_dispatch(words: list[str], command: str) -> DispatchLine:
    """Read options, the project, and what follows it.

    Options end at the first word of the task, or at `--`. command: for messages, `dispatch` or `run`.
    """
    asked = DispatchLine()
    position = 0
    while position < len(words):
        word = words[position]
        if word == "--":
            position += 1
            break
        if is_option(word):
            position = _take_option(asked, words, position, command)
        elif asked.project:
            break
        else:
            asked.project = _project(word)
            position += 1
    rest = words[position:]
    if not asked.project and rest:
        asked.project = _project(rest.pop(0))
    asked.words = rest
    if not asked.help and not asked.project:
        raise usage_error("no project given", f"luzia {command} PROJECT …; see `luzia {command} --help`.")
    return asked


def is_option(word: str) -> bool:
    """True for `-x` and `--name`; a word with white space in it is text, and so is `-` alone."""
    return word[:1] == "-" and word != "-" and len(word.split()) == 1 and not word[-1].isspace()


def read_task(asked: DispatchLine) -> str:
    """The task's text: the words, or what stdin (`-`) or a file (`@FILE`) holds."""
    words = asked.words
    if not words:
        raise usage_error(
            f"no task for project {asked.project!r}",
            f'Say what to do: luzia {asked.project} "fix the login button".',
        )
    if len(words) == 1 and (words[0] == "-" or words[0][:1] == "@" != words[0]):
        from luzia_client.cli.args.task_source import read_source

        source = "stdin" if words[0] == "-" else words[0][1:]
        return decode_task(read_source(words[0], MAX_TASK_BYTES), source)
    return decode_task(" ".join(words).encode(errors="surrogateescape"), "the task")


def _take_option(asked: DispatchLine, words: list[str], position: int, command: str) -> int:
    """Take in the option at `position`, and return where the next word is."""
    name, equals, value = words[position].partition("=")
    if name in FLAGS and not equals:
        asked.quiet = asked.quiet or name in ("-q", "--quiet")
        asked.json = asked.json or name == "--json"
        asked.help = asked.help or name in ("-h", "--help")
        return position + 1
    takes_value = name in COMMON_OPTIONS or _takes_value(name, words[position], command)
    position += 1
    if not takes_value:
        if equals:
            raise usage_error(f"{name} takes no value", f"See `luzia {command} --help`.")
        _set(asked, name, "")
        return position
    if not equals:
        if position == len(words):
            raise usage_error(f"{name} needs a value", f"See `luzia {command} --help`.")
        value = words[position]
        position += 1
    if not value:
        raise usage_error(f"{name} needs a value", "It is empty.")
    _set(asked, COMMON_OPTIONS.get(name, name), value)
    return position


def _takes_value(name: str, word: str, command: str) -> bool:
    """Whether one of the rarer options takes a value. Raises UsageError when there is no such option."""
    from luzia_client.cli.args.dispatch_options import OPTIONS

    if name not in OPTIONS:
        from luzia_client.cli.args.errors import did_you_mean

        near = did_you_mean(name, [*OPTIONS, *COMMON_OPTIONS, *FLAGS])
        raise usage_error(
            f"unknown option {word}",
            f"{near}When it is the task, put `--` before it; the options are in `luzia {command} --help`.",
        )
    return bool(OPTIONS[name].value)


def _set(asked: DispatchLine, option: str, value: str) -> None:
    if option == "--agent":
        asked.agent = value
    elif option == "--key":
        asked.key = value
    elif option == "--env":
        _set_variable(asked, value)
    else:
        from luzia_client.cli.args.dispatch_options import set_field

        set_field(asked.more, option, value)


def _set_variable(asked: DispatchLine, value: str) -> None:
    name, equals, content = value.partition("=")
    if not name:
        raise usage_error(f"--env {value}: no variable named", "Write NAME=VALUE, or NAME to copy it.")
    if not equals:
        if name not in os.environ:
            raise usage_error(f"--env {name}: it is not set here", f"Set it, or write --env {name}=VALUE.")
        content = os.environ[name]
    asked.env[name] = content


def _project(word: str) -> str:
    if not word:
        raise usage_error("the project's name is empty", "See `luzia projects`.")
    from luzia_protocol.environment import absolute_path, is_path

    return absolute_path(word) if is_path(word) else word


def decode_task(data: bytes, source: str) -> str:
    """A task's text from its bytes. source: where they come from, for messages. Raises UsageError."""
    if len(data) > MAX_TASK_BYTES:
        raise usage_error(f"{source} is larger than 1 MiB", "Let the task name a file that holds the text.")
    if b"\0" in data:
        raise usage_error(f"{source} has a NUL character", "A task is plain text.")
    try:
        text = data.decode()
    except UnicodeDecodeError as exc:
        raise usage_error(f"{source} is not valid UTF-8 (byte {exc.start})", "Convert it to UTF-8.") from exc
    if not text.strip():
        raise usage_error(f"{source} is empty", "Say what to do.")
    return text


def usage_error(message: str, hint: str) -> UsageError:
    """The exception to raise for a wrong command line; loaded only then."""
    from luzia_client.cli.args.errors import UsageError

    return UsageError(message, hint)
