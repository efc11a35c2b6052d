"""Which host a command line is for: `luzia --host NAME …`, LUZIA_HOST, or an id such as NAME/113754-a2f5.

Most commands run here, and speak with the daemon there over the link. Those that use the files, the programs or the
terminal of that host run there, over ssh.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
from collections.abc import Iterable

from luzia_client.cli.args.command_line import ALIASES
from luzia_client.cli.args.errors import UsageError
from luzia_client.hosts import HostError, link, ssh
from luzia_client.hosts.settings import LOCAL, Host, find_host, host_projects, read_hosts
from luzia_client.transport.endpoint import DaemonUnreachableError

HERE = frozenset({"hosts", "help", "completions", "demo"})
"""Commands that are about this machine whatever the host, or about none."""
THERE = frozenset(
    {
        "adopt-session",
        "agents",
        "attach",
        "collisions",
        "config",
        "daemon",
        "diff",
        "doctor",
        "init",
        "mcp",
        "merge-order",
        "metrics",
        "notify",
        "open",
        "projects",
        "review",
        "web",
    }
)
"""Commands that run on the host itself."""
THERE_WITH = (("merge", "--pull-request"), ("send", "--conflict"))
"""A command, and the option with which it uses the repository of the host, too."""

_OPTION = "--host"
_chosen: set[str] = set()
"""The host that was chosen for this process, also this machine by its name."""
_ID = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)/(@last|[0-9a-f-]{2,})")


def choose(words: list[str]) -> list[str]:
    """The command line without the option, after the choice of its host. A command that runs there does not return.

    Raises UsageError and DaemonUnreachableError.
    """
    name, words = _take_option(words)
    if not words or ALIASES.get(words[0], words[0]) not in HERE:
        _use(name, words)
    return words


def choose_by_ids(words: list[str]) -> list[str]:
    """The command line of a command with each NAME/ID replaced by the ID, after the choice of that host."""
    hosts = {*_names(), LOCAL}
    names = set()
    for position, word in enumerate(words):
        if position and (found := _ID.fullmatch(word)) is not None and found[1] in hosts:
            names.add(found[1])
    if not names:
        return words
    if len(names) > 1:
        raise UsageError(f"jobs of several hosts: {', '.join(sorted(names))}", "Run the command once for each host.")
    (name,) = names
    words = [found[2] if (found := _ID.fullmatch(word)) and found[1] == name else word for word in words]
    sys.argv[1:] = words
    _use(name, words)
    return words


def choose_by_project(project: str) -> bool:
    """Choose the host that the configuration names for a project; whether it names one."""
    name = host_projects().get(project)
    if name is None or os.environ.get("LUZIA_HOST"):
        return False
    use(name)
    return True


def choose_by_projects(projects: Iterable[str], what: str) -> None:
    """Choose the host that the configuration names for the projects of a command. what: the command, for the error.

    Raises UsageError for projects of several hosts: one daemon accepts all of it, or nothing.
    """
    if _chosen:
        return
    hosts = host_projects()
    names = {hosts.get(project, LOCAL) for project in projects}
    if len(names) > 1:
        hint = "Split it, or name one host for all its projects: luzia --host NAME …"
        raise UsageError(f"{what} has projects of several hosts: {', '.join(sorted(names))}", hint)
    for name in names - {LOCAL}:
        use(name)


def use(name: str) -> None:
    """Let all requests of this process go to the daemon of a host. Raises DaemonUnreachableError."""
    os.environ.pop("LUZIA_SOCKET", None)
    os.environ.pop("LUZIA_HOST", None)
    _chosen.add(name)
    if name == LOCAL:
        return
    os.environ["LUZIA_SOCKET"] = _open(name).socket
    os.environ["LUZIA_HOST"] = name


def other_hosts() -> dict[str, Host]:
    """The configured hosts for a command about all of them; none when one host was chosen. Raises UsageError."""
    if _chosen:
        return {}
    try:
        return read_hosts()
    except HostError as exc:
        raise UsageError(exc.message, exc.hint) from exc


def _take_option(words: list[str]) -> tuple[str, list[str]]:
    """The name of the host, and the words without the option, which are the process's command line from now on."""
    name, rest = os.environ.get("LUZIA_HOST", ""), words
    if words and words[0][:6] == _OPTION:
        option, equals, name = words[0].partition("=")
        rest = words[1:]
        if option != _OPTION:
            raise UsageError(f"unknown option {option}", "Did you mean `--host`?")
        if not equals:
            name, rest = (rest[0], rest[1:]) if rest else ("", rest)
        if not name:
            raise UsageError(f"{_OPTION} requires a value", "Write the name of a host: see `luzia hosts list`.")
        sys.argv[1:] = rest
    return name, rest


def _use(name: str, words: list[str]) -> None:
    command = ALIASES.get(words[0], words[0]) if words else ""
    is_there = command in THERE or any(command == verb and option in words for verb, option in THERE_WITH)
    if name != LOCAL and is_there and not {"-h", "--help"} & {*words}:
        _run_there(name, [command, *words[1:]])
    use(name)


def _open(name: str) -> link.Link:
    try:
        host = find_host(name)
    except HostError as exc:  # a wrong name, or a mistake in the configuration
        raise UsageError(exc.message, exc.hint) from exc
    try:
        return link.open_link(host)
    except HostError as exc:
        raise DaemonUnreachableError(exc.message, exc.hint) from exc


def _names() -> list[str]:
    try:
        return list(read_hosts())
    except HostError as exc:
        raise UsageError(exc.message, exc.hint) from exc


def _run_there(name: str, words: list[str]) -> None:
    """Become ssh, which runs the command on the host, with a terminal if this one has one."""
    opened = _open(name)
    has_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    command = shlex.join([opened.far.luzia, *words])
    argv = ssh.shared_command(opened.host, opened.control, command, options=["-t" if has_terminal else "-T"])
    sys.stdout.flush()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and programs inherit that
        signal.signal(number, signal.SIG_DFL)
    os.execvp(argv[0], argv)
