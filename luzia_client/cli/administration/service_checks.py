"""The checks of `luzia doctor` about the service: what starts it, what ends it, and which limits it can enforce."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

from luzia_protocol import environment
from luzia_protocol.replies import DaemonInfo

from luzia_client.cli.administration.doctor_checks import Finding
from luzia_client.transport.logout import LINGER_COMMAND, ends_at_logout
from luzia_client.transport.service import SERVICE_UNIT, SOCKET_UNIT, Service, service_of


def check_enabled() -> Iterator[Finding]:
    """The units of the service that has this socket are enabled, so that jobs run after a boot without a command."""
    service = service_of(environment.socket_path())
    if service is None:
        return
    try:
        words = service.systemctl("is-enabled", SOCKET_UNIT, SERVICE_UNIT)
        states = subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()
    except FileNotFoundError:
        return  # another machine's socket, forwarded to this one
    if len(states) == 2 and states[1] != "enabled":
        yield Finding(
            "!",
            f"{SERVICE_UNIT} is {states[1]}: after a boot, queued jobs and schedules wait for the first command",
            f"Run: {' '.join(service.systemctl('enable', SERVICE_UNIT))}",
        )


def check_logout(info: DaemonInfo) -> Iterator[Finding]:
    """The service of a user is not ended when the user logs out."""
    if not _is_of_this_user(info):
        return
    if ends_at_logout():
        yield Finding("!", "systemd kills luziad and all jobs when you log out", f"Run: {LINGER_COMMAND}")
    else:
        yield Finding("✓", "luziad and its jobs continue when you log out")


def check_limits(info: DaemonInfo) -> Iterator[Finding]:
    """The limits of jobs can be enforced."""
    if info.limits_problem is None:
        yield Finding("✓", "limits on memory, processes and CPU are enforced")
    else:
        yield Finding("!", info.limits_problem, "A limit on memory applies to each process.")


def _is_of_this_user(info: DaemonInfo) -> bool:
    own = os.path.join(environment.runtime_dir(), "luzia.sock")
    return info.managed_by == "systemd" and info.socket == own and service_of(info.socket) != Service(is_system=True)
