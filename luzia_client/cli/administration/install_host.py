"""Installs luzia on another host over ssh: `luzia hosts install`. Everything is below the home directory there."""

from __future__ import annotations

import os
import shlex
from typing import NamedTuple

from luzia_protocol.version import VERSION

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.prompts import agrees
from luzia_client.cli.show.text import harmless
from luzia_client.hosts import HostError, link, ssh
from luzia_client.hosts.settings import Host

INSTALL_TIMEOUT_S = 900.0
ENVIRONMENT = '"$HOME/.local/share/luzia/venv"'
LINK = '"$HOME/.local/bin"'
_COPY = 'mkdir -p "$HOME/.cache/luzia" && cat > "$HOME/.cache/luzia/"{name}'


class Step(NamedTuple):
    """A part of the installation. what: for the user. command: of the shell there."""

    what: str
    command: str


def plan(wheel: str | None) -> list[Step]:
    """The steps. wheel: the file to install; None takes this version from the package index of that host."""
    name = shlex.quote(os.path.basename(wheel)) if wheel else ""
    package = f'"$HOME/.cache/luzia/"{name}' if wheel else f"luzia=={VERSION}"
    return [
        Step("make a virtual environment in ~/.local/share/luzia/venv", f"python3 -m venv {ENVIRONMENT}"),
        Step(
            f"install {os.path.basename(wheel) if wheel else package} and what it requires there",
            f"{ENVIRONMENT}/bin/python -m pip install --quiet --disable-pip-version-check --upgrade {package}",
        ),
        Step("link ~/.local/bin/luzia to it", f"mkdir -p {LINK} && ln -sfn {ENVIRONMENT}/bin/luzia {LINK}/luzia"),
        Step("stop luziad if an earlier version runs; its jobs continue", f"{ENVIRONMENT}/bin/luzia daemon stop"),
        Step(
            "enable luziad as a service of the user, if systemd runs services of users there",
            'if [ -S "${XDG_RUNTIME_DIR:-/nonexistent}/systemd/private" ]; then '
            f"{ENVIRONMENT}/bin/luzia daemon install-service --user; "
            "else echo 'No service: luziad is started by the first command.'; fi",
        ),
    ]


def show_plan(host: Host, wheel: str | None) -> None:
    """Print what would be done."""
    print(harmless(f"On {host.name} ({host.destination}):"))
    if wheel:
        print(harmless(f"  - copy {wheel} to ~/.cache/luzia"))
    for step in plan(wheel):
        print(harmless(f"  - {step.what}"))


def confirm() -> bool:
    """Ask the user for consent. Raises UsageError without a terminal."""
    if not ssh.may_ask():
        raise UsageError("nothing has been installed", "Run the command with --yes, or at a terminal.")
    return agrees("Install?")


def install(host: Host, wheel: str | None) -> None:
    """Carry out the plan. Raises HostError with the step that failed, and OSError for the wheel."""
    if wheel:
        with open(wheel, "rb") as file:
            content = file.read()
        name = shlex.quote(os.path.basename(wheel))
        _run(host, f"copy {wheel}", _COPY.format(name=name), content)
    for step in plan(wheel):
        print(harmless(f"{host.name}: {step.what}"), flush=True)
        output = _run(host, step.what, "sh", step.command.encode())
        print("".join(f"  {harmless(line)}\n" for line in output.splitlines()), end="", flush=True)
    link.close_link(host.name)  # it may lead to the daemon of an older installation


def _run(host: Host, what: str, command: str, content: bytes) -> str:
    try:
        status, output, errors = ssh.run(ssh.direct_command(host, command), content, INSTALL_TIMEOUT_S)
    except TimeoutError as exc:
        raise HostError(f"cannot {what} on host {host.name}: {exc}", "Run the command again to continue.") from exc
    if status == 255:
        raise ssh.explain(host, errors)
    if status:
        lines = [line.strip() for line in (output + errors).splitlines() if line.strip()]
        reason = lines[-1] if lines else f"exit status {status}"
        raise HostError(
            f"cannot {what} on host {host.name}: {reason}",
            "Correct the cause, and run the command again. python3 with its venv module must be installed there.",
        )
    return output
