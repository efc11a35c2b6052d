"""Writes, enables and explains the systemd units of the daemon: `luzia daemon install-service`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib import resources
from typing import NamedTuple

from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.transport.daemon_process import find_daemon
from luzia_client.transport.logout import LINGER_COMMAND, ends_at_logout
from luzia_client.transport.service import SERVICE_UNIT, SOCKET_UNIT, Service

PACKAGED_PROGRAMS = "/usr/bin"
"""Where the units have the programs; replaced by where they are installed."""


class UnitFile(NamedTuple):
    """A file to write. source: its path below `units`. target: where it belongs."""

    source: str
    target: str


def unit_files(service: Service) -> list[UnitFile]:
    """The files of a service, in the order in which they are written."""
    kind, directory = ("system", "/etc/systemd/system") if service.is_system else ("user", _user_directory())
    units = [UnitFile(f"{kind}/{name}", os.path.join(directory, name)) for name in (SOCKET_UNIT, SERVICE_UNIT)]
    if not service.is_system:
        return units
    return [
        UnitFile("sysusers.d/luzia.conf", "/etc/sysusers.d/luzia.conf"),
        UnitFile("tmpfiles.d/luzia.conf", "/etc/tmpfiles.d/luzia.conf"),
        *units,
    ]


def commands(service: Service) -> list[list[str]]:
    """The commands that follow the writing of the files."""
    prepare = [["systemd-sysusers", "luzia.conf"], ["systemd-tmpfiles", "--create", "luzia.conf"]]
    manager = service.systemctl("enable")[:-3]
    return [
        *(prepare if service.is_system else []),
        [*manager, "daemon-reload"],
        [*manager, "enable", "--now", SOCKET_UNIT, SERVICE_UNIT],
    ]


def content(file: UnitFile, programs: str) -> str:
    """The text of a file, with the directory of the installed programs."""
    text = resources.files("luzia_client").joinpath("units", file.source).read_text()
    return re.sub(rf"(?m)^(Exec\w+=){PACKAGED_PROGRAMS}/", lambda match: f"{match[1]}{programs}/", text)


def install(service: Service, *, is_dry_run: bool) -> int:
    """Install a service and say what is done; returns the exit status. is_dry_run: only say it."""
    programs = _programs_directory(service)
    if service.is_system and os.geteuid() != 0 and not is_dry_run:
        raise UsageError(
            "only root can install the system service",
            "Run the command as root, or with --user for a service of your own; --dry-run shows what it does.",
        )
    if not is_dry_run:
        _refuse_while_running()
        _refuse_masked(service)
    for file in unit_files(service):
        print(f"write {file.target}")
        if is_dry_run:
            print("".join(f"    {line}\n" for line in content(file, programs).splitlines()), end="")
        else:
            os.makedirs(os.path.dirname(file.target), exist_ok=True)
            with open(file.target, "w", encoding="utf-8") as target:
                target.write(content(file, programs))
    for words in commands(service):
        print(f"run {' '.join(words)}", flush=True)
        if not is_dry_run and not _succeeds(words):
            raise UsageError(
                f"`{' '.join(words)}` failed",
                f"The files are written. Correct the cause, and run the command again; see `{_status(service)}`.",
            )
    _explain(service)
    return exit_codes.OK


def _refuse_while_running() -> None:
    """Raise UsageError while a daemon runs that systemd has not started: it would be without its socket."""
    daemon = find_daemon()
    if daemon is not None and daemon.manager != "systemd":
        raise UsageError(
            f"luziad (pid {daemon.pid}) is running but is not managed by systemd",
            "Run `luzia daemon stop` first; running jobs are not affected.",
        )


def _refuse_masked(service: Service) -> None:
    """Raise UsageError for a masked unit: what is written to it would be lost."""
    for file in unit_files(service):
        if os.path.realpath(file.target) == os.devnull:
            name = os.path.basename(file.target)
            unmask = " ".join(service.systemctl("unmask", name))
            raise UsageError(f"{name} is masked: {file.target} is a link to {os.devnull}", f"Run `{unmask}` first.")


def _explain(service: Service) -> None:
    print("luziad starts at boot, and again when it fails. Running jobs continue while it restarts.")
    print(f"Status: {_status(service)}")
    if service.is_system:
        print("Agents run as the user luzia. To let a user dispatch jobs: gpasswd -a USER luzia")
    elif ends_at_logout():
        print(
            f"systemd kills it and all jobs when you log out. To prevent that, and to start at boot: {LINGER_COMMAND}"
        )


def _status(service: Service) -> str:
    return " ".join(service.systemctl("status", SERVICE_UNIT))


def _succeeds(words: list[str]) -> bool:
    try:
        return subprocess.run(words, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _programs_directory(service: Service) -> str:
    """The directory of luzia and luziad. Raises UsageError when the service's user could not run them."""
    beside = os.path.join(os.path.dirname(sys.executable), "luziad")
    found = beside if os.access(beside, os.X_OK) else shutil.which("luziad")
    if found is None:
        raise UsageError(
            "luziad is not installed beside luzia, and is not on the PATH",
            "Add the directory of the installed programs to the PATH, and run the command again.",
        )
    directory = os.path.dirname(os.path.abspath(found))
    if service.is_system and os.path.realpath(found).startswith(("/home/", "/root/")):
        raise UsageError(
            f"the system service cannot use {found}: its user may not read a home directory",
            "Install luzia for the whole machine, for example into /usr/local/lib/luzia.",
        )
    return directory


def _user_directory() -> str:
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(base, "systemd", "user")
