"""A Debian in a directory, which systemd-nspawn boots."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUEST = Path(__file__).parent / "guest"
CACHE = ROOT / ".cache" / "systemd"
SUITES = {"3.11": "bookworm", "3.13": "trixie"}
"""The suites of Debian by the version of their interpreter."""
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "libpam-systemd", "init-system-helpers"),
    *("python3", "python3-venv", "git", "acl", "sudo"),
)
BOOT_TIMEOUT_S = 420

_BOOT = """
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
exec systemd-nspawn --quiet --directory="$1" --register=no --keep-unit --boot --console=pipe --link-journal=no
"""
"""nspawn deletes what it has put into /run/systemd, and refuses to unless that is a tmpfs."""


class CannotBootError(Exception):
    """This machine cannot boot a guest; the message says why, and what to do."""


class Machine:
    """A guest with its own copy of the base system, at `root`."""

    def __init__(self, root: Path, suite: str) -> None:
        base = _base(suite)
        subprocess.run(["cp", "--archive", "--reflink=auto", base, root], check=True)
        self.root = root
        shutil.copytree(GUEST, root / "ci", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "docs/service.md", root / "ci")
        (root / "var/log/journal").mkdir(parents=True, exist_ok=True)
        units = root / "etc/systemd/system"
        shutil.copy(GUEST / "ci.service", units)
        (units / "multi-user.target.wants").mkdir(exist_ok=True)
        (units / "multi-user.target.wants/ci.service").symlink_to("/etc/systemd/system/ci.service")
        for unit in ("console-getty.service", "getty.target", "apt-daily.timer", "apt-daily-upgrade.timer"):
            (units / unit).symlink_to("/dev/null")

    def boot(self, *modules: str) -> bool:
        """Boot, run the checks of these modules of the guest, power off, and return whether all have passed."""
        report = self.root / "ci/report"
        report.write_text("")
        (self.root / "ci/environment").write_text(f"CHECKS={' '.join(modules)}\n")
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        result = subprocess.run(
            ["unshare", "--mount", "sh", "-ec", _BOOT, "boot", self.root],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=BOOT_TIMEOUT_S,
        )
        print(report.read_text(), end="", flush=True)
        if result.returncode:
            print(f"The boot ended with status {result.returncode}.", file=sys.stderr)
            print(result.stdout.decode(errors="replace")[-2000:], file=sys.stderr)
        return result.returncode == 0

    def print_journal(self) -> None:
        """Print the end of the guest's journal."""
        journal = ["journalctl", f"--directory={self.root}/var/log/journal", "--no-pager", "--lines=80"]
        subprocess.run(journal, stdout=sys.stderr)


def check_host() -> None:
    """Raise CannotBootError unless this machine can boot a guest."""
    if os.geteuid() != 0:
        raise CannotBootError("systemd-nspawn needs root; run `make test-systemd` as root")
    missing = [name for name in ("mmdebstrap", "systemd-nspawn", "unshare") if shutil.which(name) is None]
    if missing:
        raise CannotBootError(f"missing: {', '.join(missing)}; run `apt install mmdebstrap systemd-container`")
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--fork", "true"],
        stderr=subprocess.PIPE,
        text=True,
    )
    if tried.returncode:
        raise CannotBootError(f"this machine does not permit namespaces: {tried.stderr.strip()}; use another one")


def _base(suite: str) -> Path:
    """The base system, which is created once."""
    digest = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:8]
    base = CACHE / f"{suite}-{digest}"
    if not base.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        new = CACHE / f"new-{os.getpid()}"
        include = f"--include={','.join(PACKAGES)}"
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", include, suite, new], check=True)
        new.rename(base)
    return base
