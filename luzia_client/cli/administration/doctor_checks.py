"""The checks of `luzia doctor`. Each yields findings, the most severe first."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import MAGIC_NUMBER
from itertools import takewhile
from pathlib import Path
from typing import Literal, NamedTuple

from luzia_protocol import environment
from luzia_protocol.errors import Refused
from luzia_protocol.replies import Agent, DaemonInfo, Project

from luzia_client import __version__
from luzia_client.api.client import Client
from luzia_client.cli.args import user_aliases
from luzia_client.cli.args.command_line import ALIASES, COMMANDS
from luzia_client.cli.show.formatting import describe_suspensions, format_duration, format_size
from luzia_client.cli.show.installation import describe_difference
from luzia_client.transport import autostart
from luzia_client.transport.endpoint import DaemonUnreachableError
from luzia_client.transport.service import service_of

MIN_PYTHON = (3, 11)
PACKAGES = ("msgspec", "prompt_toolkit", "uvloop", "asyncinotify", "cronsim", "tzdata")
MIN_FREE_BYTES = 1_000_000_000
LOG_TAIL_BYTES = 256 * 1024
REMOTE_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs", "fuse.sshfs"})


class Finding(NamedTuple):
    """A result. mark: ✓ passed, ! warning, ✗ problem. remedy: what to do."""

    mark: Literal["✓", "!", "✗"]
    text: str
    remedy: str = ""


def check_python() -> Iterator[Finding]:
    """The interpreter and the required packages."""
    running = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] >= MIN_PYTHON:
        yield Finding("✓", f"Python {running}")
    else:
        yield Finding("✗", f"Python {running} is too old", "Install Python 3.11 or newer.")
    missing = [name for name in PACKAGES if not _installed(name)]
    if missing:
        yield Finding("✗", f"missing packages: {', '.join(missing)}", "Reinstall luzia with pip.")
    else:
        yield Finding("✓", f"packages: {', '.join(f'{name} {version(name)}' for name in PACKAGES)}")


def loaded_modules() -> list[tuple[Path, Path]]:
    """The source and the compiled file of each loaded module of luzia."""
    specs = [getattr(module, "__spec__", None) for name, module in sys.modules.items() if name.startswith("luzia")]
    return [(Path(spec.origin), Path(spec.cached)) for spec in specs if spec and spec.origin and spec.cached]


def check_compiled(modules: Iterable[tuple[Path, Path]]) -> Iterator[Finding]:
    """Compiled files: Python writes them at the first start, unless it may not."""
    missing = [source for source, compiled in modules if not _is_compiled(source, compiled)]
    if not missing:
        yield Finding("✓", "the modules of luzia are compiled")
        return
    modules_are = "1 module of luzia is" if len(missing) == 1 else f"{len(missing)} modules of luzia are"
    directories = sorted({str(source.parent) for source in missing})
    top = [each for each in directories if not any(each.startswith(f"{other}/") for other in directories)]
    yield Finding(
        "!",
        f"{modules_are} compiled at every start, for example {missing[0]}, which makes every command slower",
        f"As a user who may write there: {sys.executable} -m compileall -q {' '.join(top)}",
    )


def _is_compiled(source: Path, compiled: Path) -> bool:
    """Whether Python can use the compiled file (format: PEP 552; the flags, then the time and size of the source)."""
    try:
        with open(compiled, "rb") as file:
            magic, flags, modified, size = struct.unpack("<4sIII", file.read(16))
        status = os.stat(source)
    except (OSError, struct.error):
        return False
    if magic != MAGIC_NUMBER:
        return False
    expected = (int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
    return bool(flags) or (modified, size) == expected


def check_kernel() -> Iterator[Finding]:
    """The features of the operating system that luzia requires."""
    if not os.path.isdir("/proc/self"):
        yield Finding("✗", "/proc is not mounted", "Mount it; luzia reads process trees there.")
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as exc:
        yield Finding(
            "✗",
            f"pidfd is not available: {getattr(exc, 'strerror', None) or exc}",
            "luzia requires Linux 5.3 or newer; a sandbox must permit pidfd_open.",
        )
    else:
        yield Finding("✓", f"Linux {os.uname().release}, /proc, pidfd")


def check_runtime_dir() -> Iterator[Finding]:
    """The directory of the socket: it exists, and only its owner may write to it."""
    directory = environment.SYSTEM_RUNTIME_DIR if _uses_system_service() else environment.runtime_dir()
    try:
        status = os.lstat(directory)
    except FileNotFoundError:
        yield Finding("!", f"runtime directory {directory} does not exist", "The daemon creates it when it starts.")
        return
    except OSError as exc:
        yield Finding("✗", f"runtime directory {directory}: {exc.strerror}", "Set LUZIA_RUNTIME_DIR.")
        return
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISDIR(status.st_mode):
        yield Finding("✗", f"{directory} is not a directory", "Remove it, or set LUZIA_RUNTIME_DIR.")
    elif status.st_uid != os.geteuid() and directory != environment.SYSTEM_RUNTIME_DIR:
        yield Finding(
            "✗", f"{directory} is owned by uid {status.st_uid}", "Set LUZIA_RUNTIME_DIR to a directory of your own."
        )
    elif mode & 0o022:
        yield Finding("✗", f"other users may write to {directory} (mode {mode:o})", f"Run: chmod 700 {directory}")
    else:
        yield Finding("✓", f"runtime directory {directory} (mode {mode:o})")


def check_daemon(info: DaemonInfo) -> Iterator[Finding]:
    """The daemon has the version of the client, and reports no problems."""
    yield Finding("✓", f"luziad listens on {info.socket} (pid {info.pid}, up {format_duration(info.uptime_s)})")
    difference = describe_difference(info)
    if difference:
        yield Finding("✗", difference, "Run: luzia daemon restart")
    else:
        yield Finding("✓", f"luzia and luziad have version {__version__}")
    if info.fork_server_pid is None:
        yield Finding("!", "the fork server is not running", "The next job starts it; if not, see the log.")
    for notice in info.notices:
        yield Finding("!", notice, "See the daemon's log.")
    for words, command in describe_suspensions(info.queues, datetime.now(UTC)):
        yield Finding("!", words, f"Run: {command}")
    if info.storage != "ok":
        yield Finding("✗", f"storage: {info.storage}", "Free space in the state directory.")


def check_places(info: DaemonInfo) -> Iterator[Finding]:
    """The daemon uses the directories and the configuration that this shell names."""
    state_dir = environment.state_dir()
    explicit_jobs_dir = os.environ.get("LUZIA_JOBS_DIR")
    here = {
        "state directory": (info.state_dir, state_dir),
        "jobs directory": (
            info.jobs_dir,
            os.path.abspath(explicit_jobs_dir) if explicit_jobs_dir else os.path.join(info.state_dir, "jobs"),
        ),
        "configuration file": (info.config_file, environment.config_file()),
    }
    for what, (used, expected) in here.items():
        if os.path.realpath(used) != os.path.realpath(expected) and info.managed_by != "systemd":
            yield Finding(
                "!",
                f"luziad uses the {what} {used}; the variables of this shell lead to {expected}",
                "Correct the LUZIA_* variables of the shell, or apply them with `luzia daemon restart`.",
            )


def check_log(info: DaemonInfo | None) -> Iterator[Finding]:
    """The log of the daemon, and the last error since its last start."""
    service = service_of(environment.socket_path()) if info is None else None
    path = info.log_file if info else environment.log_file()
    if path is None or service is not None:
        manager = "--user " if service is not None and not service.is_system else ""
        yield Finding("✓", f"luziad logs to the journal (journalctl {manager}-u luziad)")
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
        yield Finding("!", f"last error in the log: {error.strip()}", "See the log for its context.")


def check_state_dir(info: DaemonInfo | None) -> Iterator[Finding]:
    """The directory of the store: writable, on a local disk, with enough free space."""
    is_systems = info is None and _uses_system_service()
    directory = info.state_dir if info else environment.SYSTEM_STATE_DIR if is_systems else environment.state_dir()
    existing = directory
    while not os.path.exists(existing) and existing != "/":
        existing = os.path.dirname(existing)
    if not is_systems and not (info and info.managed_by == "systemd"):  # a daemon of another user writes there
        try:
            tempfile.TemporaryFile(dir=existing).close()
        except OSError as exc:
            problem = f"state directory {directory} is not writable: {exc.strerror}"
            yield Finding("✗", problem, "Correct its owner, or set LUZIA_STATE_DIR.")
            return
    free = shutil.disk_usage(existing).free
    if free < MIN_FREE_BYTES:
        yield Finding("!", f"only {format_size(free)} free for {directory}", "Free space on its file system.")
    else:
        yield Finding("✓", f"state directory {directory} ({format_size(free)} free)")
    kind = file_system_type(existing)
    if kind in REMOTE_FILE_SYSTEMS:
        yield Finding(
            "✗",
            f"{directory} is on a network file system ({kind})",
            "Set LUZIA_STATE_DIR to a directory on a local disk, which locks require.",
        )


def check_config(info: DaemonInfo | None) -> Iterator[Finding]:
    """The current configuration file, checked by luziad but not applied."""
    is_systems = info is None and _uses_system_service() and "LUZIA_CONFIG" not in os.environ
    path = info.config_file if info else environment.SYSTEM_CONFIG if is_systems else environment.config_file()
    if info is not None and _is_forbidden(path):
        yield Finding("✓", f"configuration {path} (only its owner may read it; luziad has checked it)")
        return
    try:
        mistakes = autostart.config_errors(path)
    except DaemonUnreachableError as exc:
        yield Finding("✗", exc.message, exc.hint)
        return
    for mistake in mistakes:
        yield Finding("✗", mistake, "Correct it, then run `luzia daemon reload`.")
    if not mistakes:
        yield Finding(
            "✓", f"configuration {path}" + ("" if os.path.exists(path) else " (does not exist; defaults apply)")
        )


def _uses_system_service() -> bool:
    """Whether the commands of this user go to the system service, running or not."""
    return os.path.dirname(environment.socket_path()) == environment.SYSTEM_RUNTIME_DIR


def check_aliases() -> Iterator[Finding]:
    """The aliases of the user, which only the client reads."""
    for name, mistake in user_aliases.find_mistakes():
        yield Finding("✗", f"alias {name}: {mistake}", f"Correct it in {user_aliases.PLACE}.")


def _is_forbidden(path: str) -> bool:
    """Whether this user may not read a file, or not see whether it exists."""
    try:
        open(path, "rb").close()
    except PermissionError:
        return True
    except OSError:
        return False  # luziad says what is wrong with it
    return False


def check_projects(client: Client) -> Iterator[Finding]:
    """The directories of the projects exist."""
    try:
        projects = client.list_projects().projects
    except Refused as exc:
        yield Finding("✗", f"projects: {exc.message}", exc.hint)
        return
    for project in projects:
        if not project.exists:
            remedy = f"Create it, or run `luzia projects remove {project.name}`."
            yield Finding("✗", f"project {project.name}: {project.path} does not exist", remedy)
        if project.name in COMMANDS or project.name in ALIASES:
            remedy = f"Rename it in the configuration, or dispatch with `luzia dispatch {project.name} …`."
            yield Finding("!", f"project {project.name} has the name of a command", remedy)
    existing = sum(project.exists for project in projects)
    yield Finding("✓", f"projects: {existing} of {len(projects)} exist" if projects else "no projects configured")


def check_agents(client: Client) -> Iterator[Finding]:
    """The agents: which are installed, whether they start, and whether the configured ones are among them."""
    try:
        found, projects = client.list_agents(), client.list_projects().projects
    except Refused as exc:
        yield Finding("✗", f"agents: {exc.message}", exc.hint)
        return
    agents = found.agents
    if found.search_path:
        yield Finding("✓", f"agents are looked for on the PATH of this shell: {found.search_path}")
    installed = [f"{agent.name} {agent.version or ''}".rstrip() for agent in agents if agent.installed]
    yield Finding("✓", f"agents installed: {', '.join(installed) or 'none'}")
    missing = {agent.name: agent.install_hint for agent in agents if not agent.installed}
    if missing:
        yield Finding("✓", f"agents not installed: {', '.join(missing)} (`luzia agents` shows how to install them)")
    for agent in agents:
        if agent.problem:
            yield Finding("✗", f"agent {agent.name} does not start: {agent.problem}", f"Run: {agent.path} --version")
    for project in projects:
        if project.agent in missing and not _finds_its_agent(client, project):
            yield Finding(
                "✗", f"project {project.name}: agent {project.agent} is not installed", missing[project.agent]
            )
    yield from _check_default(next((agent for agent in agents if agent.default), None))


def _finds_its_agent(client: Client, project: Project) -> bool:
    """Whether the jobs of a project find its agent, on a PATH of its own."""
    try:
        agents = client.list_agents(versions=False, project=project.name).agents
    except Refused:
        return False  # it was removed meanwhile
    return any(agent.name == project.agent and agent.installed for agent in agents)


def _check_default(default: Agent | None) -> Iterator[Finding]:
    """The default agent."""
    if default is None:
        remedy = (
            "Install an agent (`luzia agents` shows how), or use --agent shell, which runs the task as a shell command."
        )
        yield Finding("!", "no default agent", remedy)
    elif not default.installed:
        yield Finding("✗", f"default agent {default.name} is not installed", default.install_hint)
    else:
        yield Finding("✓", f"default agent: {default.name}")


def file_system_type(path: str) -> str:
    """The type of the file system of a path, from mountinfo, or `unknown`."""
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
    """Whether a line of the log has the level `error` or above, or explains why luziad did not start."""
    return line.split(" ", 2)[1:2] in (["error"], ["critical"]) or line.startswith("luziad: ")


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
