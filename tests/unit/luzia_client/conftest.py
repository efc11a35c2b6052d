"""Each test has a luzia of its own, where no daemon runs unless the test makes one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from unit.luzia_client.fake_daemon import FakeDaemon, Script

FOREIGN = ("LUZIA_SOCKET", "LUZIA_JOB_ID", "LUZIA_JOBS_DIR", "LUZIA_CACHE_TTL", "LUZIA_DEBUG", "NO_COLOR", "PYTHONPATH")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory of this test's luzia: `r` is its runtime directory, `s` its state directory."""
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    # Not tmp_path, whose names are too long for a socket's.
    with tempfile.TemporaryDirectory(prefix="luzia-") as directory:
        home = Path(directory)
        (home / "r").mkdir(mode=0o700)
        monkeypatch.setenv("LUZIA_RUNTIME_DIR", str(home / "r"))
        monkeypatch.setenv("LUZIA_STATE_DIR", str(home / "s"))
        monkeypatch.setenv("LUZIA_CONFIG", str(home / "config.toml"))
        monkeypatch.setenv("LUZIA_NO_AUTOSTART", "1")
        yield home


@pytest.fixture
def serve(home: Path) -> Iterator[Callable[[Script], FakeDaemon]]:
    """Starts fake daemons on this test's socket; a new one takes the place of the one before."""
    daemons: list[FakeDaemon] = []

    def start(script: Script) -> FakeDaemon:
        for daemon in daemons:
            daemon.close()
        daemons[:] = [FakeDaemon(home / "r" / "luzia.sock", script)]
        return daemons[0]

    yield start
    for daemon in daemons:
        daemon.close()
