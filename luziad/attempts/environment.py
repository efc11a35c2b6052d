"""The environment of jobs: which variable comes from where. `docs/configuration.md` has the rule as a table.

All that is done for a job has this environment: its agent, git for its worktree, the search for the program of its
agent and the check of that program's version. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from luziad.agents.base import NESTING_VARIABLES

BASE_VARIABLES = ("HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM")
BASE_PREFIXES = ("LC_", "XDG_")

Variables = Mapping[str, str]


def base_environment(environ: Variables, user: Variables) -> dict[str, str]:
    """The part of the daemon's environment that every job inherits: user and locale, never a secret.

    user: HOME, USER and LOGNAME as the system knows them, for a daemon that was started without them.
    """
    kept = {name: value for name, value in environ.items() if name in BASE_VARIABLES or name.startswith(BASE_PREFIXES)}
    return {**user, **{name: value for name, value in kept.items() if value or name not in user}}


def compose_environment(
    base: Variables, caller: Variables, agent: Variables, project: Variables, own: Variables
) -> dict[str, str]:
    """The environment of a job without luzia's own variables; later ones win.

    base: what base_environment returned. caller: the variables that the job inherits from the shell that dispatches.
    agent, project: those that its agent and its project set. own: those of the dispatch.
    """
    inherited = {name: value for name, value in {**base, **caller}.items() if name not in NESTING_VARIABLES}
    return {**inherited, **agent, **project, **own}
