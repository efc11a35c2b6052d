"""Whether systemd ends a user's service at the logout, and telling that once."""

from __future__ import annotations

import os
import pwd
import sys

from luzia_protocol import environment

from luzia_client.transport.service import service_of

LINGER_DIR = "/var/lib/systemd/linger"
"""A file for each user whose services run without a session (loginctl(1), enable-linger)."""
LINGER_COMMAND = 'sudo loginctl enable-linger "$USER"'
_MARKER = "logout-told"


def ends_at_logout() -> bool:
    """Whether this user's services end with the last session."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return False  # a user without a name has no manager
    return not os.path.exists(os.path.join(LINGER_DIR, name))


def warn_once(socket: str) -> None:
    """Tell the user on stderr, once ever, that jobs will end at the logout, if the service of this socket is theirs."""
    service = service_of(socket)
    if service is None or service.is_system or not ends_at_logout():
        return
    try:
        os.close(os.open(os.path.join(environment.state_dir(), _MARKER), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        return  # it has been told, or cannot be recorded, and is in `luzia doctor`
    print(
        f"luzia: systemd kills luziad and all jobs when you log out; to prevent that, run: {LINGER_COMMAND}",
        file=sys.stderr,
    )
