"""The pinned programs of real agents, and the MCP inspector: gets them from their registries, once, into .cache/agents.

Each is installed into a directory of its own beside the final one, checked, and moved there whole; what is there is
used again. Nothing in a package is run while it is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "agents"
TRIES = 4
_PAUSE_S = 3.0
_DOWNLOAD_S = 600


class Program(NamedTuple):
    """What to install. package: as its client takes it. file: the program in it. sha256: of that file, None for pip."""

    version: str
    package: str
    file: str
    sha256: str | None


PROGRAMS = {
    "claude": Program(
        "2.1.330",
        "@anthropic-ai/claude-code-linux-x64@2.1.330",
        "node_modules/@anthropic-ai/claude-code-linux-x64/claude",
        "f390eaa0814e6a1bff74cbb47acb74cb9c89d30ced809fe0af5af00c7bfe8ebb",
    ),
    "codex": Program(
        "0.169.0",
        "@openai/codex@0.169.0-linux-x64",
        "node_modules/@openai/codex/vendor/x86_64-unknown-linux-musl/bin/codex",
        "b452ca20f838a8855a88a41050ee4a694033fff4ea3ecdad5633e6e0e8d13f2b",
    ),
    "opencode": Program(
        "1.18.33",
        "opencode-linux-x64@1.18.33",
        "node_modules/opencode-linux-x64/bin/opencode",
        "0abbb7c32ab0294c0a7bfa2705f9ff0df5dce5ab721d1f00cccfe393f2a11427",
    ),
    "gemini": Program(
        "0.61.0",
        "@google/gemini-cli@0.61.0",
        "node_modules/@google/gemini-cli/bundle/gemini.js",
        "0b6e283ae88682b0e27e8ef85a608ab74807a1513dc0c053e5aa80d5b80b29ab",
    ),
    "copilot": Program(
        "1.0.102",
        "@github/copilot-linux-x64@1.0.102",
        "node_modules/@github/copilot-linux-x64/copilot",
        "b673fa072f7e9ec6d01dcef14ae22807beba4bcaa945f1d8c1518ec464cec9fd",
    ),
    "qwen": Program(
        "0.15.10",
        "@qwen-code/qwen-code@0.15.10",
        "node_modules/@qwen-code/qwen-code/cli.js",
        "b012cabffd37eedb128052f0773ecc6f808dc92e398042ccb9c8ae658ef81627",
    ),
    "pi": Program(
        "0.74.2",
        "@earendil-works/pi-coding-agent@0.74.2",
        "node_modules/@earendil-works/pi-coding-agent/dist/cli.js",
        "0e4e408dac67af83dd4431a7780400712da6b9e083f862de568f04ef586c8501",
    ),
    "inspector": Program(
        "0.17.2",
        "@modelcontextprotocol/inspector@0.17.2",
        "node_modules/@modelcontextprotocol/inspector/cli/build/cli.js",
        "4ebed8a425d72fc8c8855f12165485f6fb1f33fe12e252541858dd4d2db0a4de",
    ),
    "vibe": Program("3.0.2", "mistral-vibe==3.0.2", "venv/bin/vibe", None),
}


class CannotInstallError(Exception):
    """A program cannot be had here; the words say why."""


def bin_directory(agent: str) -> Path:
    """A directory for PATH that holds the agent's program and nothing else; installs it when it is missing.

    Raises CannotInstallError.
    """
    program = PROGRAMS[agent]
    directory = CACHE / f"{agent}-{program.version}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with _alone(CACHE / f"{agent}.lock"):
        if not directory.exists():
            _install(agent, program, directory)
    return directory / "bin"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Only one process installs an agent at a time."""
    with open(lock, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(agent: str, program: Program, directory: Path) -> None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise CannotInstallError(f"{agent} is pinned for Linux on x86_64, and this is {platform.platform()}")
    with tempfile.TemporaryDirectory(prefix=f"new-{agent}-", dir=CACHE, ignore_cleanup_errors=True) as scratch:
        fresh = Path(scratch) / directory.name
        if agent == "vibe":
            _pip(program, fresh, directory)
        else:
            _npm(program, fresh)
        _check(agent, program, fresh)
        (fresh / "bin").mkdir()
        (fresh / "bin" / agent).symlink_to(f"../{program.file}")
        os.rename(fresh, directory)


def _npm(program: Program, fresh: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise CannotInstallError("npm is not installed; real agents come from its registry")
    fresh.mkdir()
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--no-save", "--loglevel=error")
    _download(program.package, [npm, "install", "--prefix", str(fresh), *quiet, program.package])


def _pip(program: Program, fresh: Path, final: Path) -> None:
    """A virtual environment is made where it will stay: it has its own path inside of its scripts."""
    python = shutil.which(os.environ.get("VIBE_PYTHON", "python3.12"))
    if python is None:
        raise CannotInstallError("vibe needs Python 3.12: name one with VIBE_PYTHON=/path/to/python3.12")
    home = final.with_name(f"{final.name}-venv")
    shutil.rmtree(home, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(home)], check=True)
    _download(program.package, [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", program.package])
    fresh.mkdir()
    (fresh / "venv").symlink_to(home)


def _download(package: str, command: list[str]) -> None:
    """Run a registry's client, again after a failure: networks fail. Raises CannotInstallError with its words."""
    words = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(_PAUSE_S * attempt)
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_DOWNLOAD_S
            )
        except subprocess.TimeoutExpired:
            words = f"nothing came for {_DOWNLOAD_S} s"
            continue
        if done.returncode == 0:
            return
        words = (done.stderr or done.stdout).strip()[-1000:]
    raise CannotInstallError(f"{package} cannot be downloaded, after {TRIES} tries: {words}")


def _check(agent: str, program: Program, fresh: Path) -> None:
    file = fresh / program.file
    if not file.exists():
        raise CannotInstallError(f"{program.package} has no {program.file}")
    if program.sha256 is not None:
        with open(file, "rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if found != program.sha256:
            raise CannotInstallError(f"{agent} is not what was pinned: its SHA-256 is {found}")


if __name__ == "__main__":
    for name in sys.argv[1:] or PROGRAMS:
        print(bin_directory(name), flush=True)
