"""The recordings of real agents, for the tests of their readers."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import NamedTuple

from luzia_protocol.jobs import Usage

from luziad.agents.base import Reader
from luziad.agents.registry import build
from luziad.config.check import check_config
from luziad.jobs.attempt import ExitRecord
from support import ROOT

ADAPTERS = build(check_config("config.toml", "").agents)
"""All agents that luzia knows, by name."""

DIRECTORY = ROOT / "tests" / "data" / "recordings"


def exited(code: int, *, error: str | None = None) -> ExitRecord:
    """An exit record. code: an exit code, or minus a signal's number."""
    return ExitRecord(
        exit_code=code if code >= 0 and error is None else None,
        signal=signal.Signals(-code).name if code < 0 else None,
        error=error,
        stopped=False,
        started_at=0.0,
        ended_at=1.0,
        duration_s=1.0,
        usage=Usage(),
    )


class Recording(NamedTuple):
    """One run of a real agent."""

    agent: str
    scenario: str
    stdout: bytes
    stderr: bytes
    exit_code: int

    @property
    def succeeded(self) -> bool:
        """Whether the agent did its work; its exit code does not tell."""
        return not self.scenario.startswith(("error", "sig"))

    def reader(self) -> Reader:
        """A new reader for this agent's output."""
        return ADAPTERS[self.agent].reader()

    @property
    def name(self) -> str:
        """Agent and scenario."""
        return f"{self.agent}/{self.scenario}"


def _load(meta: Path) -> Recording:
    scenario = meta.name.removesuffix(".meta.json")
    stderr = meta.with_name(f"{scenario}.stderr")
    return Recording(
        agent=meta.parent.name,
        scenario=scenario,
        stdout=meta.with_name(f"{scenario}.stdout").read_bytes(),
        stderr=stderr.read_bytes() if stderr.exists() else b"",
        exit_code=json.loads(meta.read_text())["exit_code"],
    )


RECORDINGS = [_load(meta) for meta in sorted(DIRECTORY.glob("*/*.meta.json"))]


def recording(name: str) -> Recording:
    """The recording with this name, such as `codex/success`."""
    return next(each for each in RECORDINGS if each.name == name)
