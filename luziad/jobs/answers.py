"""What a person answered to an agent, as it is kept with the attempt until the agent has taken it in. Pure."""

from __future__ import annotations

import msgspec


class Answer(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a person said. question: its id. allow: or deny. texts: why not, or the answer to each part."""

    question: str
    allow: bool
    texts: list[str] = []
