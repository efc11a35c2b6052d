"""The steps of `luzia init` that change something: each is shown, and done only if the user agrees."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from typing import NamedTuple

from luzia_protocol import environment

from luzia_client.cli import completion
from luzia_client.cli.administration import install_service
from luzia_client.cli.configuration import file, template
from luzia_client.cli.configuration.schema import KeyPath
from luzia_client.cli.setup.dialogue import Dialogue
from luzia_client.cli.setup.repositories import Repository
from luzia_client.cli.show.text import harmless
from luzia_client.transport.daemon_process import find_daemon
from luzia_client.transport.logout import LINGER_COMMAND, ends_at_logout
from luzia_client.transport.service import Service, service_of


class Choices(NamedTuple):
    """What the user has chosen. agent: the default one, None for none. worktree: of all these projects."""

    agent: str | None
    projects: Sequence[Repository]
    worktree: bool


def write_config(dialogue: Dialogue, choices: Choices) -> bool:
    """Write a new configuration file, or add to the existing one; returns whether it was changed."""
    path = environment.config_file()
    if os.path.exists(path):
        return _extend_config(dialogue, choices, path)
    text = template.commented(choices.agent, [(each.name, each.path) for each in choices.projects], choices.worktree)
    print(f"\n{path}:")
    print("".join(f"    {harmless(line)}\n" for line in text.splitlines()), end="")
    if not dialogue.agrees("Write this file?"):
        return False
    if mistakes := file.find_mistakes(path, text):
        raise file.invalid(mistakes, "Nothing was written.")
    file.replace(path, text)
    return True


def _extend_config(dialogue: Dialogue, choices: Choices, path: str) -> bool:
    found = file.read_tables(path)
    values: list[tuple[KeyPath, object]] = []
    if choices.agent is not None and found.get("daemon", {}).get("default_agent") != choices.agent:
        values.append((("daemon", "default_agent"), choices.agent))
    for project in choices.projects:
        values.append((("projects", project.name, "path"), project.path))
        values += [(("projects", project.name, "worktree"), True)] if choices.worktree else []
    if not values:
        print(f"\n{path} already exists and is left unchanged.")
        return False
    print(f"\n{path} exists. Set in it:")
    for key, value in values:
        print(f"    {harmless('.'.join(key))} = {harmless(str(value))}")
    if not dialogue.agrees("Change this file?"):
        return False
    for key, value in values:
        file.change(path, key, value)
    return True


def install_completion(dialogue: Dialogue) -> None:
    """Install the completion script of the user's shell, unless it is there."""
    shell = os.path.basename(os.environ.get("SHELL", ""))
    home = os.path.expanduser("~")
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    targets = {
        "bash": os.path.join(data, "bash-completion", "completions", "luzia"),
        "zsh": os.path.join(home, ".zfunc", "_luzia"),
        "fish": os.path.join(home, ".config", "fish", "completions", "luzia.fish"),
    }
    if shell not in targets:
        print("\nCompletion: skipped; there are scripts for bash, zsh and fish only.")
        return
    target = targets[shell]
    if os.path.exists(target):
        print(f"\nCompletion: {target} exists.")
        return
    print(f"\nThe completion script of {shell}:\n    {target}")
    if not dialogue.agrees("Write this file?"):
        return
    script = os.path.join(os.path.dirname(completion.__file__), "data", f"luzia.{shell}")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(script, encoding="utf-8") as source, open(target, "w", encoding="utf-8") as copy:
        copy.write(source.read())
    if shell == "zsh":
        print("  Put this before `compinit` into ~/.zshrc: fpath+=~/.zfunc")


def install_daemon(dialogue: Dialogue, stop_daemon: Callable[[], None]) -> None:
    """Install the daemon's service, if systemd runs here. stop_daemon: ends a daemon that a command has started."""
    service = Service(is_system=os.geteuid() == 0)
    if service_of(environment.socket_path()) is not None:
        print("\nService: luziad is a service of systemd already.")
    elif not _has_systemd(service):
        print("\nService: skipped, because systemd is not running. Commands start luziad.")
        return
    elif not _install_service(dialogue, service, stop_daemon):
        return
    if not service.is_system and ends_at_logout():
        _enable_linger(dialogue)


def _install_service(dialogue: Dialogue, service: Service, stop_daemon: Callable[[], None]) -> bool:
    """Install the service if the user agrees; returns whether it is installed."""
    print("\nA service starts luziad at boot, and again if it fails.")
    for unit in install_service.unit_files(service):
        print(f"    write {unit.target}")
    for words in install_service.commands(service):
        print(f"    run {' '.join(words)}")
    # The service of the machine runs agents as another user, so it is not suggested.
    if not dialogue.agrees("Install the service?", suggested=not service.is_system):
        return False
    daemon = find_daemon()
    if daemon is not None and daemon.manager != "systemd":
        stop_daemon()
    install_service.install(service, is_dry_run=False)
    return True


def _has_systemd(service: Service) -> bool:
    if service.is_system:
        return os.path.isdir("/run/systemd/system")
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    return os.path.exists(os.path.join(runtime, "systemd", "private"))


def _enable_linger(dialogue: Dialogue) -> None:
    print("\nsystemd ends luziad and all jobs when you log out, unless that is enabled:")
    print("    run loginctl enable-linger")
    if not dialogue.agrees("Keep luziad and its jobs running after the logout?"):
        return
    try:
        succeeded = subprocess.run(["loginctl", "enable-linger"], check=False).returncode == 0
    except FileNotFoundError:
        succeeded = False
    if not succeeded:
        print(f"  This requires an administrator: {LINGER_COMMAND}")
