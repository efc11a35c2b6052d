"""Reads config.toml and the LUZIA_* variables into one frozen Config.

docs/configuration.md documents every setting; schema.py defines them. LUZIA_CACHE_TTL and LUZIA_MONITOR_INTERVAL are
read by the client.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

from luzia_protocol import environment

from luziad.config.check import check_config
from luziad.config.edit import read_text
from luziad.config.rules import COUNT, describe_value
from luziad.config.schema import Config


def load(environ: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration.

    environ: where LUZIA_JOBS_DIR, LUZIA_TREES_DIR and LUZIA_MAX_JOBS are looked up (the other paths are those of
    luzia_protocol.environment). The file need not exist. Raises ConfigError with every mistake.
    """
    file = environment.config_file()
    max_jobs, mistakes = _max_jobs(environ)
    checked = check_config(file, read_text(file), mistakes)
    daemon = checked.daemon
    if max_jobs is not None:
        daemon = msgspec.structs.replace(daemon, max_jobs=max_jobs)
    state_dir = environment.state_dir()
    jobs_dir, trees_dir = environ.get("LUZIA_JOBS_DIR"), environ.get("LUZIA_TREES_DIR")
    return Config(
        daemon=daemon,
        projects=checked.projects,
        agents=checked.agents,
        resources=checked.resources,
        runtime_dir=environment.runtime_dir(),
        socket=environment.socket_path(),
        state_dir=state_dir,
        jobs_dir=os.path.abspath(jobs_dir) if jobs_dir else os.path.join(state_dir, "jobs"),
        trees_dir=os.path.abspath(trees_dir) if trees_dir else os.path.join(state_dir, "trees"),
        config_file=file,
        cli=checked.cli,
        prices=checked.prices,
        executors=checked.executors,
    )


def _max_jobs(environ: Mapping[str, str]) -> tuple[int | None, list[str]]:
    """The number in LUZIA_MAX_JOBS, if it is set, and the mistakes in it."""
    text = environ.get("LUZIA_MAX_JOBS")
    if not text:
        return None, []
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
    if not COUNT.accepts(number):
        return None, [f"LUZIA_MAX_JOBS: found {describe_value(text)}, expected {COUNT.expected}."]
    return number, []
