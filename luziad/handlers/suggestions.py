"""What to say about a name that nothing has: the one that was probably meant."""

from __future__ import annotations

import difflib

from luzia_protocol.errors import CATALOGUE, ErrorCode, Refused

from luziad.config.schema import Config


def no_project(config: Config, name: str) -> Refused:
    """No project of this name is configured, to be raised."""
    near = difflib.get_close_matches(name, config.projects, n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    code = ErrorCode.UNKNOWN_PROJECT
    return Refused(code, f"there is no project {name!r}", f"{meant}{CATALOGUE[code].remedy}")
