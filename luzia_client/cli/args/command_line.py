"""The table of commands, and the grammar of a dispatch: options, the project, and the task or command.

Every dispatch loads this module, so it imports nothing at first that it can load later.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from luzia_client.cli.args.errors import UsageError

COMMANDS = {
    "dispatch": ("dispatch", "run a task with a project's coding agent", "Run"),
    "run": ("run", "run a command as a job, without a shell", "Run"),
    "batch": ("batch", "dispatch many jobs from a file", "Run"),
    "graph": ("graph", "dispatch jobs that depend on one another, or draw them", "Run"),
    "schedule": ("schedule", "dispatch jobs on a schedule", "Run"),
    "race": ("race", "have several agents do the same task, and compare the results", "Run"),
    "again": ("again", "dispatch a new job like an earlier one", "Run"),
    "retry": ("retry", "run finished jobs again", "Run"),
    "send": ("send", "send a follow-up message to a job's agent", "Run"),
    "attach": ("attach", "take over the conversation with a job's agent in the terminal", "Run"),
    "detach": ("detach", "let an attached job continue in the background", "Run"),
    "adopt-session": ("adopt_session", "continue, in the background, a session that you started", "Run"),
    "jobs": ("jobs", "list jobs, show their details, or watch them", "Inspect"),
    "why": ("why", "explain why a job is waiting, or how it ended", "Inspect"),
    "top": ("top", "monitor and control jobs in a full-screen view", "Inspect"),
    "web": ("web", "serve the jobs to a web browser", "Inspect"),
    "logs": ("logs", "print or follow the output of jobs", "Inspect"),
    "follow": ("follow", "follow the output of many jobs at once", "Inspect"),
    "wait": ("wait", "wait for jobs to end", "Inspect"),
    "search": ("search", "find jobs by words in tasks, messages, files and transcripts", "Inspect"),
    "spend": ("spend", "show what jobs have cost, and how long daily budgets will last", "Inspect"),
    "stats": ("stats", "show throughput, durations, success rates and costs", "Inspect"),
    "shell": ("shell", "start an interactive prompt for luzia commands", "Inspect"),
    "cancel": ("cancel", "cancel jobs and terminate their processes", "Control"),
    "pause": ("pause", "suspend running jobs, a project or everything", "Control"),
    "resume": ("resume", "resume paused jobs, a project or everything", "Control"),
    "hold": ("hold", "keep queued jobs from starting", "Control"),
    "release": ("release", "release held jobs", "Control"),
    "edit": ("edit", "change the task, priority or dependencies of a queued job", "Control"),
    "answer": ("answer", "answer a question or permission request from an agent", "Control"),
    "progress": ("progress", "report progress from inside a job", "Control"),
    "remove": ("remove", "delete finished jobs and their output", "Control"),
    "review": ("review", "review finished work in a full-screen view", "Review"),
    "diff": ("diff", "show what a job changed in its worktree", "Review"),
    "races": ("races", "list races, or compare the racers of one", "Review"),
    "open": ("open", "open a shell or an editor in a job's directory", "Review"),
    "merge": ("merge", "merge a job's branch into the project", "Review"),
    "collisions": ("collisions", "show jobs whose work changes the same files", "Review"),
    "merge-order": ("merge_order", "propose an order in which to merge finished work", "Review"),
    "accept": ("accept", "accept the work of jobs whose dependents wait for it", "Review"),
    "reject": ("reject", "reject the work of jobs, and skip the jobs that need it", "Review"),
    "clean": ("clean", "remove worktrees that hold no unmerged work", "Review"),
    "discard": ("discard", "discard the work of jobs, with a grace period", "Review"),
    "restore-work": ("restore_work", "restore work that was discarded", "Review"),
    "init": ("init", "set up luzia on this machine", "Administer"),
    "config": ("config", "show, change or check the configuration", "Administer"),
    "projects": ("projects", "list, add or remove projects", "Administer"),
    "hosts": ("hosts", "list, add, check or remove other hosts, or install luzia there", "Administer"),
    "agents": ("agents", "list agents, or show how luzia reads their output", "Administer"),
    "daemon": ("daemon", "start, stop, restart, reload or inspect luziad", "Administer"),
    "drain": ("drain", "stop starting jobs and let the active ones finish", "Administer"),
    "doctor": ("doctor", "diagnose the installation", "Administer"),
    "notify": ("notify", "notify people of finished jobs, failures and questions", "Administer"),
    "metrics": ("metrics", "export metrics to Prometheus or OpenTelemetry", "Administer"),
    "export": ("export", "export all jobs as JSON lines", "Administer"),
    "import": ("import_", "import exported jobs", "Administer"),
    "mcp": ("mcp", "let coding agents use luzia (Model Context Protocol)", "Administer"),
    "completions": ("completions", "print a shell completion script", "Administer"),
    "demo": ("demo", "run a demonstration in a temporary directory", "Administer"),
    "version": ("version", "show the versions of the client and the daemon", "Administer"),
    "help": ("help", "show help for a command or a topic", "Administer"),
}
"""Name -> module in luzia_client.cli.commands, summary, group in `luzia --help`.

The modules of DISPATCH_COMMANDS offer `run(words)`; the others offer `configure(parser)` and `run(args)`. Both return
the exit status. EXAMPLES in each module are pairs of a command line and its explanation. The help, the manual and the
completions are generated from these rows, the modules' docstrings and their parsers.
"""

ALIASES = {
    "ls": "jobs",
    "ps": "jobs",
    "status": "jobs",
    "show": "jobs",
    "info": "jobs",
    "log": "logs",
    "kill": "cancel",
    "stop": "cancel",
    "rm": "remove",
    "add": "dispatch",
}
"""Other names of commands, which people know from other tools -> the command."""

DISPATCH_COMMANDS = ("dispatch", "run")
"""The commands whose words this module parses; argparse takes too long to load."""

MAX_TASK_BYTES = 1024 * 1024

COMMON_OPTIONS = {
    "-a": "--agent",
    "--agent": "--agent",
    "-e": "--env",
    "--env": "--env",
    "--key": "--key",
}
"""The options with a value that are used most, by each of their names; dispatch_options.py has the others."""
FLAGS = ("-q", "--quiet", "--json", "-h", "--help")
TASK_HINT = 'Write the task after it, for example: luzia . "fix the login button"'


class DispatchLine:
    """A parsed command line of `dispatch` or `run`.

    words: those of the task, or the command of `luzia run`. literal: they follow `--`.
    fields: of the request, from dispatch_options.py.
    """

    project: str = ""
    agent: str = ""
    key: str = ""
    quiet: bool = False
    json: bool = False
    help: bool = False
    literal: bool = False

    def __init__(self) -> None:
        self.env: dict[str, str] = {}
        self.words: list[str] = []
        self.fields: dict[str, object] = {}


def parse_dispatch(words: list[str], command: str) -> DispatchLine:
    """Parse options, the project, and what follows it. Options end at the first word of the task, or at `--`.

    command: for messages, `dispatch` or `run`. Raises UsageError.
    """
    line = DispatchLine()
    position = 0
    while position < len(words):
        word = words[position]
        if word == "--":
            line.literal = True
            position += 1
            break
        if is_option(word):
            position = _parse_option(line, words, position, command)
        elif line.project:
            break
        else:
            line.project = parse_project(word)
            position += 1
    rest = words[position:]
    if not line.project and rest:
        line.project = parse_project(rest.pop(0))
    line.words = rest
    if not line.help and not line.project:
        raise usage_error("no project given", f"Usage: luzia {command} PROJECT …; see `luzia {command} --help`.")
    return line


def is_option(word: str) -> bool:
    """True for `-x`, `--name` and `--name=any text`; a name with white space in it is text, and so is `-` alone."""
    name = word.partition("=")[0] if word[:2] == "--" else word
    return word[:1] == "-" and word != "-" and len(name.split()) == 1 and not name[-1].isspace()


def read_task(line: DispatchLine, options: Iterable[str] = ()) -> str:
    """The text of the task: the words, or the contents of stdin (`-`) or of a file (`@FILE`).

    options: those of the command beside the ones of a dispatch. Raises UsageError.
    """
    words = line.words
    if not words:
        raise usage_error(f"no task for project '{line.project}'", TASK_HINT)
    if len(words) == 1 and not line.literal and (words[0] == "-" or words[0][:1] == "@" != words[0]):
        from luzia_client.cli.args.task_source import read_source_of_task

        source = "stdin" if words[0] == "-" else words[0][1:]
        return decode_task(read_source_of_task(words[0], MAX_TASK_BYTES, line.project, COMMANDS), source)
    check_words(line, options)
    return decode_task(" ".join(words).encode(errors="surrogateescape"), "the task")


def check_words(line: DispatchLine, options: Iterable[str] = ()) -> None:
    """Raise UsageError for an option after the first word of the task or command, unless all words follow `--`.

    options: those of the command beside the ones of a dispatch.
    """
    if line.literal or len(line.words) == 1:
        return
    for word in line.words:
        if word[:1] == "-" and is_option(word):
            _check_word(word, line.project, options)


def _check_word(word: str, project: str, options: Iterable[str]) -> None:
    from luzia_client.cli.args.dispatch_options import OPTIONS

    name = word.partition("=")[0]
    if name in COMMON_OPTIONS or name in FLAGS or name in OPTIONS or name in options:
        from luzia_client.cli.args.task_source import check_project

        check_project(project, COMMANDS)
        raise usage_error(
            f"option {name} must come before the task",
            "If it is a part of the task, quote the whole task, or put `--` before the first word of the task.",
        )


def _parse_option(line: DispatchLine, words: list[str], position: int, command: str) -> int:
    """Parse the option at `position`, and return the position of the next word."""
    name, equals, value = words[position].partition("=")
    if name in FLAGS and not equals:
        line.quiet = line.quiet or name in ("-q", "--quiet")
        line.json = line.json or name == "--json"
        line.help = line.help or name in ("-h", "--help")
        return position + 1
    takes_value = name in COMMON_OPTIONS or _takes_value(line, words[position:], command)
    position += 1
    if not takes_value:
        if equals:
            raise usage_error(f"{name} takes no value", f"See `luzia {command} --help`.")
        _set_option(line, name, "")
        return position
    if not equals:
        if position == len(words):
            raise usage_error(f"{name} requires a value", f"See `luzia {command} --help`.")
        value = words[position]
        position += 1
    if not value:
        raise usage_error(f"{name} requires a value", "The value is empty.")
    _set_option(line, COMMON_OPTIONS.get(name, name), value)
    return position


def _takes_value(line: DispatchLine, words: list[str], command: str) -> bool:
    """Whether the first word, an option of dispatch_options.py, takes a value. Raises UsageError for an unknown one."""
    from luzia_client.cli.args.dispatch_options import OPTIONS

    name = words[0].partition("=")[0]
    if name not in OPTIONS:
        from luzia_client.cli.args.errors import did_you_mean
        from luzia_client.cli.args.foreign_words import find_meaning

        meant = find_meaning(line.project, words[1:]) if line.project else find_meaning(name, words[1:])
        near = f"Did you mean `{meant}`? " if meant else did_you_mean(name, [*OPTIONS, *COMMON_OPTIONS, *FLAGS])
        hint = f"See `luzia {command} --help`. To pass it as the task, put `--` before the task."
        is_all = meant is not None and not line.project  # it is no option of a dispatch at all
        raise usage_error(f"unknown option {words[0]}", near.rstrip() if is_all else near + hint)
    return bool(OPTIONS[name].value)


def _set_option(line: DispatchLine, option: str, value: str) -> None:
    if option == "--agent":
        line.agent = value
    elif option == "--key":
        line.key = value
    elif option == "--env":
        _set_variable(line, value)
    else:
        from luzia_client.cli.args.dispatch_options import set_field

        set_field(line.fields, option, value)


def _set_variable(line: DispatchLine, value: str) -> None:
    name, equals, content = value.partition("=")
    if not name:
        raise usage_error(f"--env {value}: no variable named", "Write NAME=VALUE, or NAME to copy its value.")
    if not equals:
        if name not in os.environ:
            raise usage_error(f"--env {name}: the variable is not set", f"Set it, or write --env {name}=VALUE.")
        content = os.environ[name]
    line.env[name] = content


def parse_project(word: str) -> str:
    """A project as the daemon knows it: its name, or its absolute path. Raises UsageError."""
    if not word:
        raise usage_error("the project's name is empty", "`luzia projects` lists the projects.")
    from luzia_protocol.environment import absolute_path, is_path

    return absolute_path(word) if is_path(word) else word


def decode_task(data: bytes, source: str) -> str:
    """The text of a task from its bytes. source: where they come from, for messages. Raises UsageError."""
    if len(data) > MAX_TASK_BYTES:
        raise usage_error(f"{source} is larger than 1 MiB", "Put the text into a file, and name the file in the task.")
    if b"\0" in data:
        raise usage_error(f"{source} contains a NUL character", "A task is plain text.")
    try:
        text = data.decode()
    except UnicodeDecodeError as exc:
        raise usage_error(f"{source} is not valid UTF-8 (byte {exc.start})", "Convert it to UTF-8.") from exc
    if not text.strip():
        raise usage_error(f"{source} is empty", TASK_HINT)
    return text


def usage_error(message: str, hint: str) -> UsageError:
    """A UsageError to raise; its module is loaded only then."""
    from luzia_client.cli.args.errors import UsageError

    return UsageError(message, hint)
