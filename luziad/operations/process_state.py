"""Resets what a process has inherited from the shell that started it.

A daemon that a command has started serves all later jobs. Which shell that was must not matter to them.
"""

from __future__ import annotations

import os
import pwd
import resource
import signal

UMASK = 0o022
STACK_BYTES = 8 * 1024 * 1024
"""The kernel's own soft limit. Without a limit, the kernel lays out the memory of a program differently."""

OPEN_FILES = 1024
"""The usual soft limit, which open_files.py raises."""

_UNLIMITED = resource.RLIM_INFINITY
_LIMITS = {
    "RLIMIT_CPU": ("Max cpu time", "processor time", _UNLIMITED),
    "RLIMIT_FSIZE": ("Max file size", "size of a file", _UNLIMITED),
    "RLIMIT_DATA": ("Max data size", "data size", _UNLIMITED),
    "RLIMIT_STACK": ("Max stack size", "size of the stack", STACK_BYTES),
    "RLIMIT_CORE": ("Max core file size", "", 0),
    "RLIMIT_AS": ("Max address space", "address space", _UNLIMITED),
    "RLIMIT_NPROC": ("Max processes", "", _UNLIMITED),
    "RLIMIT_NOFILE": ("Max open files", "", OPEN_FILES),
    "RLIMIT_MEMLOCK": ("Max locked memory", "", _UNLIMITED),
}
"""Limit -> its name in /proc/PID/limits, what it is called in a notice (empty for none: administrators set such limits,
too), and its soft limit."""


def reset_process_state() -> list[str]:
    """Reset signals, umask, processors, scheduling and limits; returns what could not be reset, as notices.

    Only root may raise its priority and its hard limits again.
    """
    _reset_signals()
    os.umask(UMASK)
    os.sched_setaffinity(0, range(os.sysconf("SC_NPROCESSORS_CONF")))
    return [*_reset_scheduling(), *_reset_limits()]


def user_variables() -> dict[str, str]:
    """HOME, USER and LOGNAME of this process's user; empty for a user that the system does not know."""
    try:
        user = pwd.getpwuid(os.geteuid())
    except KeyError:
        return {}
    return {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}


def _reset_signals() -> None:
    """Give every signal its default, except those that Python itself ignores, and block none."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _reset_scheduling() -> list[str]:
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        if niceness != 0:
            os.setpriority(os.PRIO_PROCESS, 0, 0)
        if os.sched_getscheduler(0) != os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except PermissionError:
        return [_notice(f"a niceness of {os.getpriority(os.PRIO_PROCESS, 0)}")]
    return []


def _reset_limits() -> list[str]:
    of_init = _hard_limits_of_init()
    notices = []
    for limit, (kernels_name, words, soft) in _LIMITS.items():
        number = getattr(resource, limit)
        old_soft, hard = resource.getrlimit(number)
        wanted = of_init.get(kernels_name, _UNLIMITED)
        if _is_less(hard, wanted):
            try:
                resource.setrlimit(number, (old_soft, wanted))
                hard = wanted
            except (ValueError, OSError):
                if words:
                    notices.append(_notice(f"a limit of {hard:,} on {words}"))
        resource.setrlimit(number, (hard if _is_less(hard, soft) else soft, hard))
    return notices


def _hard_limits_of_init() -> dict[str, int]:
    """The hard limits of process 1, which no shell has lowered; empty when it is hidden."""
    try:
        with open("/proc/1/limits", encoding="ascii") as file:
            lines = file.read().splitlines()[1:]
    except OSError:
        return {}
    found = {}
    for line in lines:
        hard = line[47:68].strip()
        found[line[:26].strip()] = _UNLIMITED if hard == "unlimited" else int(hard)
    return found


def _is_less(limit: int, other: int) -> bool:
    return limit != _UNLIMITED and (other == _UNLIMITED or limit < other)


def _notice(what: str) -> str:
    return f"the daemon and its jobs have {what}, from the shell that started the daemon"
