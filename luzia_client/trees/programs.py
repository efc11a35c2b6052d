"""Keeps git from running a program that only the repository configures: a job can write to the repository's settings.

Programs of the user's own configuration (`git config --global`, or the system's) run as usual.
"""

from __future__ import annotations

import functools
import os
import re
import time
from collections.abc import Callable

from luzia_client.trees.running import run_command

_NEUTRAL: tuple[tuple[str, Callable[[str], str]], ...] = (
    (r"core\.(fsmonitor|gitproxy|sshcommand|askpass|editor|pager)|sequence\.editor|pager\..+", lambda key: ""),
    (r"(diff|merge)tool\..+\.(cmd|path)|(diff|merge)\.(gui)?tool", lambda key: ""),
    (r"interactive\.difffilter|core\.alternaterefscommand|gpg\.(.+\.)?program", lambda key: ""),
    (r"filter\..+\.(clean|smudge|process)", lambda key: ""),
    (r"filter\..+\.required", lambda key: "false"),
    (r"diff\..+\.textconv", lambda key: "cat"),
    (r"merge\..+\.driver", lambda key: "git merge-file --marker-size=%L %A %O %B"),
)
"""Settings that name programs, as lower-case patterns, and the value with which git does without them."""

_EXTERNAL_DIFF = re.compile(r"diff\.(.+\.)?(external|command)", re.IGNORECASE)
"""These have no such value; an option of `git diff` does without them."""

_CLEAN_FILTER = re.compile(r"filter\.(.+)\.(?:clean|process)", re.IGNORECASE)

_TRANSPORT = (
    r"credential\.(.+\.)?helper|remote\..+\.(uploadpack|receivepack|proxy|vcs)|protocol\.(.+\.)?allow"
    r"|url\..+\.(push)?insteadof"
)
"""Settings with which a push or a fetch runs a program, or goes elsewhere. The first value counts, not an option's."""
_PROTOCOLS = ("", "file.", "git.", "http.", "https.", "ssh.", "ext.", "fd.")

SETTINGS_AGE_S = 0.5
"""How long settings are remembered: a job may change them while a page or a screen shows its work."""


def neutral_options(directory: str) -> tuple[str, ...]:
    """The options of git that give every setting of the repository that names a program the user's own value.

    A partial clone fetches what it lacks in any command; where the repository says how, it must not.
    """
    return _neutral_options(directory, _now())


@functools.lru_cache(maxsize=1000)
def _neutral_options(directory: str, now: int) -> tuple[str, ...]:
    own, repository = _settings(directory, now)
    options: list[str] = []
    if any(re.fullmatch(_TRANSPORT, key, re.IGNORECASE) for key in repository):
        named = [key for key in repository if re.fullmatch(r"protocol\..+", key, re.IGNORECASE)]
        for key in (*(f"protocol.{name}allow" for name in _PROTOCOLS), *named):
            options += ["-c", f"{key}=never"]
    for key in repository:
        value = own.get(key)
        if value is None:
            value = next((neutral(key) for pattern, neutral in _NEUTRAL if re.fullmatch(pattern, key, re.I)), None)
        if value is not None:
            options += ["-c", f"{key}={value}"]
    return tuple(options)


def diff_options(directory: str) -> tuple[str, ...]:
    """The options of `git diff` that ignore an external diff of the repository."""
    _, repository = _settings(directory, _now())
    return ("--no-ext-diff",) if any(map(_EXTERNAL_DIFF.fullmatch, repository)) else ()


def list_own_filters(directory: str) -> frozenset[str]:
    """The names of filters that only the repository configures, and that git therefore does without."""
    own, repository = _settings(directory, _now())
    found = (_CLEAN_FILTER.fullmatch(key) for key in repository if key not in own)
    return frozenset(match[1] for match in found if match)


def list_transport_settings(directory: str) -> list[str]:
    """The keys of the repository's own settings with which a push or a fetch would run a program or go elsewhere."""
    return sorted(_read_settings(directory, _TRANSPORT)[1])


def _now() -> int:
    return int(time.monotonic() / SETTINGS_AGE_S)


@functools.lru_cache(maxsize=1000)
def _settings(directory: str, now: int) -> tuple[dict[str, str], frozenset[str]]:
    """The user's own settings that name programs, and the keys of such settings of the repository. now: _now()."""
    patterns = [*(f"(?:{pattern})" for pattern, _ in _NEUTRAL), _EXTERNAL_DIFF.pattern, _TRANSPORT]
    return _read_settings(directory, "|".join(patterns))


def _read_settings(directory: str, patterns: str) -> tuple[dict[str, str], frozenset[str]]:
    """The user's own settings whose keys match, with their values, and the keys of such settings of the repository."""
    try:
        output = run_command(["git", "config", "--show-scope", "--null", "--list"], directory).stdout
    except OSError:
        return {}, frozenset()  # the command for which this was asked fails for the same reason, and says so
    own: dict[str, str] = {}
    repository: set[str] = set()
    parts = os.fsdecode(output).split("\0")
    for scope, setting in zip(parts[::2], parts[1::2], strict=False):
        key, _, value = setting.partition("\n")
        if not re.fullmatch(patterns, key, re.IGNORECASE):
            continue
        if scope in ("local", "worktree"):
            repository.add(key)
        else:
            own[key] = value
    return own, frozenset(repository)
