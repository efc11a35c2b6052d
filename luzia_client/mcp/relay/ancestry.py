"""Finds what an agent hides from the programs that it starts: where luzia is, and the job in which the agent runs.

Some agents start their MCP servers with few variables. Sub-jobs would then lose their parent, and with it every bound.
"""

from __future__ import annotations

import os

_NAMES = frozenset((b"XDG_RUNTIME_DIR", b"XDG_STATE_HOME", b"XDG_CONFIG_HOME"))


def adopt_environment() -> None:
    """Set the variables of luzia that are missing here to those of the processes above, the nearest one first.

    The search ends at the job in which the agent runs, or at a process of another user.
    """
    pid = os.getppid()
    while "LUZIA_JOB_ID" not in os.environ and pid > 1 and _is_own(pid):
        for name, value in _variables(pid).items():
            os.environ.setdefault(os.fsdecode(name), os.fsdecode(value))
        pid = _parent(pid)


def _variables(pid: int) -> dict[bytes, bytes]:
    """The variables of luzia with which a process was started."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            pairs = (entry.partition(b"=") for entry in file.read().split(b"\0"))
    except OSError:
        return {}
    return {name: value for name, _, value in pairs if name.startswith(b"LUZIA_") or name in _NAMES}


def _is_own(pid: int) -> bool:
    try:
        return os.stat(f"/proc/{pid}").st_uid == os.geteuid()
    except OSError:
        return False


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0
