"""What an operator asks for: holding jobs back. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

from luzia_protocol.base import Base


class Hold(Base, tag="hold"):
    """Keep a queued job from starting until it is released; asking twice is harmless. Answered by replies.Changed."""

    job: str


class Release(Base, tag="release"):
    """Let a queued job start that was held; harmless when it was not. Answered by replies.Changed."""

    job: str
