"""What takes the place of a file that the daemon reads at its start neither stops it nor makes it large."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import DEADLINE_S, PrivateDaemon, dispatch, ended

START = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
from luziad.cli import main
sys.exit(main())
"""
"""A daemon that cannot fill the disk."""
KINDS: dict[str, Callable[[str], object]] = {
    "fifo": os.mkfifo,
    "directory": os.mkdir,
    "endless": lambda path: os.symlink("/dev/zero", path),
    "sparse": lambda path: subprocess.run(["truncate", "-s", "64G", path], check=True),
    "nested": lambda path: Path(path).write_text("[" * 200_000),
}


@pytest.fixture(scope="module")
def stopped() -> Iterator[PrivateDaemon]:
    """A daemon that has run jobs; `good` has its state."""
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon = PrivateDaemon(Path(directory))
        try:
            daemon.start()
            with daemon.connect() as wire:
                ended(wire, dispatch(wire, "true", env={"A": "b"}))
            daemon.stop()
            shutil.copytree(daemon.state, daemon.root / "good")
            yield daemon
        finally:
            daemon.end_everything()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["jobs.db", "jobs.db-wal", "jobs.db-seq", "environments.db", "queues.json", "repair.json", "../config.toml"]
)
def test_the_daemon_starts_or_says_why_not(stopped: PrivateDaemon, name: str, kind: str) -> None:
    daemon = stopped
    shutil.rmtree(daemon.state)
    shutil.copytree(daemon.root / "good", daemon.state)
    config = daemon.config_file.read_text()
    place = os.path.normpath(daemon.state / name)
    if os.path.exists(place):
        os.unlink(place)
    KINDS[kind](place)
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", START, "--ready-fd", str(writing)],
        env=daemon.env,
        pass_fds=(writing,),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(writing)
        try:
            with open(reading, "rb") as ready:
                line = ready.read()
            process.terminate()
            assert process.stderr is not None
            said = process.stderr.read()
            assert process.wait(DEADLINE_S) == (0 if line else 2 if "config" in name else 1)
            assert "Traceback" not in said
            assert line == b"ready\n" or os.path.basename(name).removesuffix("-wal") in said
        finally:
            process.kill()
            if "config" in name:
                os.unlink(place) if not os.path.isdir(place) or os.path.islink(place) else os.rmdir(place)
                daemon.config_file.write_text(config)
