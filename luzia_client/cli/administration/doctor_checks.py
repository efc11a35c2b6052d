"""What `luzia doctor` looks at: each check yields findings, worst first where there are several."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import takewhile
from typing import Literal, NamedTuple

from luzia_protocol import environment
from luzia_protocol.errors import Refused
from luzia_protocol.replies import Agent, DaemonInfo

from luzia_client import __version__
from luzia_client.api.client import Client
from luzia_client.cli.show.formatting import describe_suspensions, format_duration, format_size
from luzia_client.transport import autostart
from luzia_client.transport.endpoint import DaemonUnreachableError

MIN_PYTHON = (3, 11)
PACKAGES = ("msgspec", "prompt_toolkit", "uvloop", "asyncinotify", "cronsim", "tzdata")
MIN_FREE_BYTES = 1_000_000_000
LOG_TAIL_BYTES = 256 * 1024
REMOTE_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs", "fuse.sshfs"})


class Finding(NamedTuple):
    """One line of the doctor's. mark: ✓ fine, ! worth knowing, ✗ wrong. remedy: what to do about it."""

    mark: Literal["✓", "!", "✗"]
    text: str
    remedy: str = ""


def check_python() -> Iterator[Finding]:
    """The interpreter and the packages that both sides need."""
    running = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] >= MIN_PYTHON:
        yield Finding("✓", f"Python {running}")
    else:
        yield Finding("✗", f"Python {running} is too old", "Install Python 3.11 or newer.")
    missing = [name for name in PACKAGES if not _installed(name)]
    if missing:
        yield Finding("✗", f"packages are missing: {', '.join(missing)}", "Install luzia again, with pip.")
    else:
        yield Finding("✓", f"packages: {', '.join(f'{name} {version(name)}' for name in PACKAGES)}")


def check_kernel() -> Iterator[Finding]:
    """What luzia asks of the operating system."""
    if not os.path.isdir("/proc/self"):
        yield Finding("✗", "/proc is not mounted", "Mount it: luzia finds process trees there.")
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as exc:
        yield Finding("✗", f"no pidfd: {exc}", "luzia needs Linux 5.3 or newer, and a sandbox that lets it.")
    else:
        yield Finding("✓", f"Linux {os.uname().release}, /proc, pidfd")


def check_runtime_dir() -> Iterator[Finding]:
    """The directory of the socket: there, ours, and nobody else's."""
    directory = environment.runtime_dir()
    try:
        status = os.lstat(directory)
    except FileNotFoundError:
        yield Finding("!", f"runtime directory {directory} is not there", "The daemon makes it when it starts.")
        return
    except OSError as exc:
        yield Finding("✗", f"runtime directory {directory}: {exc.strerror}", "Set LUZIA_RUNTIME_DIR.")
        return
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISDIR(status.st_mode):
        yield Finding("✗", f"{directory} is no directory", "Remove it, or set LUZIA_RUNTIME_DIR.")
    elif status.st_uid != os.geteuid() and not environment.is_system():
        yield Finding("✗", f"{directory} belongs to uid {status.st_uid}", "Set LUZIA_RUNTIME_DIR to your own.")
    elif mode & 0o022:
        yield Finding("✗", f"others may write to {directory} (mode {mode:o})", f"chmod 700 {directory}")
    else:
        yield Finding("✓", f"runtime directory {directory} (mode {mode:o})")


def check_daemon(info: DaemonInfo | None, problem: str, remedy: str) -> Iterator[Finding]:
    """The daemon answers, is of this version, and has nothing to tell.

    problem, remedy: why there is no `info`.
    """
    if info is None:
        mark: Literal["!", "✗"] = "!" if problem.startswith("no daemon answers") else "✗"
        yield Finding(mark, problem, remedy)
        return
    yield Finding("✓", f"luziad answers on {info.socket} (pid {info.pid}, up {format_duration(info.uptime_s)})")
    if info.version != __version__:
        yield Finding("✗", f"luziad is {info.version}, luzia is {__version__}", "luzia daemon restart")
    else:
        yield Finding("✓", f"both sides are {__version__}")
    if info.fork_server_pid is None:
        yield Finding("!", "the fork server does not run", "It comes back with the next job; else see the log.")
    for notice in info.notices:
        yield Finding("!", notice, "See the daemon's log.")
    for words, command in describe_suspensions(info.queues, datetime.now(UTC)):
        yield Finding("!", words, command)
    if info.storage != "ok":
        yield Finding("✗", f"storage: {info.storage}", "Make room in the state directory.")


def check_log(info: DaemonInfo | None) -> Iterator[Finding]:
    """The daemon's log can be read; its last error since it was last ready."""
    path = info.log_file if info else environment.log_file()
    if path is None:
        yield Finding("✓", "luziad logs to the journal (journalctl -u luziad)")
        return
    try:
        with open(path, "rb") as log:
            log.seek(max(log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES, 0))
            lines = log.read().decode(errors="replace").splitlines()[::-1]
    except FileNotFoundError:
        yield Finding("!", f"no log at {path}", "It is written when a command starts the daemon.")
        return
    except OSError as exc:
        yield Finding("✗", f"log {path}: {exc.strerror}", "Correct its owner and mode.")
        return
    yield Finding("✓", f"log {path}")
    current = takewhile(lambda line: " luziad.app ready " not in line, lines)
    error = next((line for line in current if _is_error(line)), None)
    if error is not None:
        yield Finding("!", f"last error in it: {error.strip()}", "See the log for what led to it.")


def check_state_dir(info: DaemonInfo | None) -> Iterator[Finding]:
    """The store's directory: writable, local, with room."""
    directory = info.state_dir if info else environment.state_dir()
    existing = directory
    while not os.path.exists(existing) and existing != "/":
        existing = os.path.dirname(existing)
    if not (info and info.managed_by == "systemd"):  # a daemon of another user writes there itself
        try:
            tempfile.TemporaryFile(dir=existing).close()
        except OSError as exc:
            problem = f"state directory {directory} is not writable: {exc.strerror}"
            yield Finding("✗", problem, "Correct its owner, or set LUZIA_STATE_DIR.")
            return
    free = shutil.disk_usage(existing).free
    if free < MIN_FREE_BYTES:
        yield Finding("!", f"only {format_size(free)} free for {directory}", "Make room on its file system.")
    else:
        yield Finding("✓", f"state directory {directory} ({format_size(free)} free)")
    kind = file_system_type(existing)
    if kind in REMOTE_FILE_SYSTEMS:
        yield Finding("✗", f"{directory} is on {kind}", "Set LUZIA_STATE_DIR to a local disk: locks need one.")


def check_config(info: DaemonInfo | None) -> Iterator[Finding]:
    """The configuration file as it is now, read by luziad itself but not applied."""
    path = info.config_file if info else environment.config_file()
    try:
        mistakes = autostart.config_errors(path)
    except DaemonUnreachableError as exc:
        yield Finding("✗", exc.message, exc.hint)
        return
    for mistake in mistakes:
        yield Finding("✗", mistake, "Correct it, then `luzia daemon reload`.")
    if not mistakes:
        yield Finding("✓", f"configuration {path}" + ("" if os.path.exists(path) else " (none, defaults hold)"))


def check_projects(client: Client) -> Iterator[Finding]:
    """Every project's directory is there."""
    try:
        projects = client.list_projects().projects
    except Refused as exc:
        yield Finding("✗", f"projects: {exc.message}", exc.hint)
        return
    for project in projects:
        if not project.exists:
            remedy = f"Create it, or `luzia projects remove {project.name}` and add it again."
            yield Finding("✗", f"project {project.name}: {project.path} is not there", remedy)
    there = sum(project.exists for project in projects)
    yield Finding("✓", f"projects: {there} of {len(projects)} are there")


def check_agents(client: Client) -> Iterator[Finding]:
    """Which agents are installed, whether they start, and whether those that are wanted are among them."""
    try:
        agents, projects = client.list_agents().agents, client.list_projects().projects
    except Refused as exc:
        yield Finding("✗", f"agents: {exc.message}", exc.hint)
        return
    installed = [f"{agent.name} {agent.version or ''}".rstrip() for agent in agents if agent.installed]
    yield Finding("✓", f"agents installed: {', '.join(installed) or 'none'}")
    missing = {agent.name: agent.install_hint for agent in agents if not agent.installed}
    if missing:
        yield Finding("✓", f"agents not installed: {', '.join(missing)} (`luzia agents` says how to get them)")
    for agent in agents:
        if agent.problem:
            yield Finding(
                "✗", f"the agent {agent.name} does not start: {agent.problem}", f"Try {agent.path} --version."
            )
    for project in projects:
        if project.agent in missing:
            yield Finding(
                "✗", f"project {project.name}: its agent {project.agent} is not installed", missing[project.agent]
            )
    yield from _check_default(next((agent for agent in agents if agent.default), None))


def _check_default(default: Agent | None) -> Iterator[Finding]:
    """Which agent an unnamed task gets."""
    if default is None:
        remedy = "Use --agent shell (the task is a shell command), or install one: `luzia agents` says how."
        yield Finding("!", "no agent for tasks that name none", remedy)
    elif not default.installed:
        yield Finding("✗", f"the default agent {default.name} is not installed", default.install_hint)
    else:
        yield Finding("✓", f"default agent: {default.name}")


def file_system_type(path: str) -> str:
    """The type of the file system that holds a path, from mountinfo; `unknown` when it does not say."""
    real = os.path.realpath(path)
    best, kind = "", "unknown"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
        for line in mounts:
            left, _, right = line.partition(" - ")
            point = left.split()[4].replace("\\040", " ")
            inside = real == point or real.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best):
                best, kind = point, right.split()[0]
    return kind


def _is_error(line: str) -> bool:
    """True for a line of the log at the level `error` or above, and for why luziad did not start."""
    return line.split(" ", 2)[1:2] in (["error"], ["critical"]) or line.startswith("luziad: ")


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
