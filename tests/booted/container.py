"""A guest that systemd-nspawn boots: a systemd of its own on the kernel of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from booted import debian

_BOOT = """
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
exec systemd-nspawn --quiet --directory="$1" --register=no --keep-unit --boot --console=pipe --link-journal=no
"""
"""nspawn deletes what it has put into /run/systemd, and refuses to unless that is a tmpfs."""


class Container:
    """A guest in the directory `root`."""

    def __init__(self, root: Path, suite: str) -> None:
        debian.create(root, suite)
        self.root = root

    def boot(self, *modules: str) -> bool:
        """Boot, run the checks of these modules of the guest, power off, and return whether all have passed."""
        debian.select_checks(self.root, modules)
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        result = subprocess.run(
            ["unshare", "--mount", "sh", "-ec", _BOOT, "boot", self.root],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=debian.BOOT_TIMEOUT_S,
        )
        print((self.root / "ci/report").read_text().removesuffix(debian.PASSED), end="", flush=True)
        if result.returncode:
            print(f"The boot ended with status {result.returncode}.", file=sys.stderr)
            print(result.stdout.decode(errors="replace")[-2000:], file=sys.stderr)
        return result.returncode == 0


def check_host() -> None:
    """Raise CannotBootError unless this machine can boot such a guest."""
    debian.check_programs({"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "rpmbuild": "rpm"})
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--fork", "true"],
        stderr=subprocess.PIPE,
        text=True,
    )
    if tried.returncode:
        raise debian.CannotBootError(
            f"this machine does not permit namespaces: {tried.stderr.strip()}; use another one"
        )
