"""What a dispatch takes from its caller: the project as a path, and the variables that a job inherits.

On the path of every dispatch: imports `os` only.
"""

from __future__ import annotations

import os

_INHERITED = frozenset(
    (
        "PATH",
        "LANG",
        "LANGUAGE",
        "TZ",
        "SSH_AUTH_SOCK",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
    )
)


def is_path(project: str) -> bool:
    """True when a project is given as a path and not by its name."""
    return "/" in project or project in {".", ".."} or project.startswith("~")


def absolute(path: str) -> str:
    """The path as the daemon needs it, which has another working directory and no idea of `~`."""
    return os.path.abspath(os.path.expanduser(path))


def client_env() -> dict[str, str]:
    """The caller's variables that a job inherits.

    A value that is not UTF-8 is left out: JSON cannot carry it.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if (name in _INHERITED or name.startswith("LC_")) and _is_text(value)
    }


def inside() -> str:
    """The id of the job in which the caller runs; empty outside of any."""
    job = os.environ.get("LUZIA_JOB_ID", "")
    return job if _is_text(job) else ""


def _is_text(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)
