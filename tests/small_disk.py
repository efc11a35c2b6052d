"""Small file systems of a test's own, in a mount namespace that nobody else sees, and a daemon that lives on one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support import PrivateDaemon

TMPFS = 'mount -t tmpfs -o "mode=0700,$1" luzia "$0"'
PRIVATE = ("unshare", "--mount", "--propagation", "private")
EXT4 = 'truncate -s 24M "$0.img" && mkfs.ext4 -q -F "$0.img" && mount -o loop "$0.img" "$0"'


class Disk:
    """A file system at `point`, for those inside of its namespace; `path` leads there from outside."""

    def __init__(self, point: Path, mount: str, options: str = "") -> None:
        point.mkdir()
        self.point = point
        self._holder = subprocess.Popen(
            [*PRIVATE, "sh", "-c", f"{mount} && echo there && exec cat", str(point), options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"there\n":
            pytest.skip(f"no file system can be mounted here: {self._holder.communicate()[1].decode().strip()}")
        self.path = Path(f"/proc/{self._holder.pid}/root{point}")
        self._filler = self.path / "filler"

    @property
    def inside(self) -> list[str]:
        """What comes before a command that is to see the file system."""
        return ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt"]

    def run(self, command: str) -> None:
        """Run a shell command that sees the file system as `$0`."""
        subprocess.run([*self.inside, "sh", "-c", command, str(self.point)], check=True, capture_output=True)

    def fill(self, leave_bytes: int = 0) -> None:
        """Leave no room but so much."""
        with suppress(OSError), open(self._filler, "ab", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        if leave_bytes:
            with open(self._filler, "r+b") as filler:
                filler.truncate(self._filler.stat().st_size - leave_bytes)

    def make_room(self) -> None:
        """Take away what filled it."""
        self._filler.unlink()

    def close(self) -> None:
        """Let go of the file system; it goes with the last process that uses it."""
        self._holder.communicate()


class DiskDaemon(PrivateDaemon):
    """A daemon whose state directory is a file system of its own; `state` leads there from outside.

    prefix: what else comes before its command. jobs_only: its jobs directory is the file system instead.
    """

    def __init__(
        self, root: Path, disk: Disk, config: str = "", prefix: tuple[str, ...] = (), *, jobs_only: bool = False
    ) -> None:
        variables = {"LUZIA_STATE_DIR": str(disk.point)}
        if jobs_only:
            variables = {"LUZIA_STATE_DIR": str(root / "kept"), "LUZIA_JOBS_DIR": str(disk.point)}
        super().__init__(root, config, variables)
        self.disk = disk
        self.state = root / "kept" if jobs_only else disk.path
        self._command = [*disk.inside, *prefix, sys.executable, "-m", "luziad"]

    def start_inside(self) -> None:
        """Start it where it sees its file system."""
        self.start(
            ["-c", f"import os, sys; command = {self._command!r}; os.execvp(command[0], command + sys.argv[1:])"]
        )


@contextmanager
def disk_daemon(
    mount: str = TMPFS,
    options: str = "size=8m",
    config: str = "",
    prefix: tuple[str, ...] = (),
    *,
    jobs_only: bool = False,
) -> Iterator[DiskDaemon]:
    """A running daemon on a small file system, of which nothing is left afterwards; skips where none can be mounted."""
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        disk = Disk(Path(directory) / "state", mount, options)
        daemon = DiskDaemon(Path(directory), disk, config, prefix, jobs_only=jobs_only)
        try:
            daemon.start_inside()
            yield daemon
        finally:
            daemon.end_everything()
            disk.close()
