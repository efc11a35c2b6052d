"""The Debian of a guest: a base system that is created once, and a copy of it with the checks."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from booted import page

ROOT = Path(__file__).resolve().parents[2]
GUEST = Path(__file__).parent / "guest"
CACHE = ROOT / ".cache" / "systemd"
SUITES = {"3.11": "bookworm", "3.13": "trixie"}
"""The suites of Debian by the version of their interpreter."""
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "libpam-systemd", "init-system-helpers"),
    *("python3", "python3-venv", "git", "acl", "sudo", "login", "rpm"),
)
MASKED = ("console-getty.service", "getty.target", "apt-daily.timer", "apt-daily-upgrade.timer")
BOOT_TIMEOUT_S = 420
PASSED = "passed\n"
"""The end of a report."""


class CannotBootError(Exception):
    """This machine cannot boot a guest; the message says why, and what to do."""


def create(root: Path, suite: str, packages: Sequence[str] = PACKAGES) -> None:
    """Create the directory of a guest that runs the checks when it is booted."""
    subprocess.run(["cp", "--archive", "--reflink=auto", find_base(suite, packages), root], check=True)
    shutil.copytree(GUEST, root / "ci", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "docs/service.md", root / "ci")
    (root / "ci/page.json").write_text(json.dumps(page.read_blocks()))
    (root / "etc/dpkg/dpkg.cfg.d/ci").write_text("force-unsafe-io\n")  # do not wait for the disk
    (root / "var/log/journal").mkdir(parents=True, exist_ok=True)
    units = root / "etc/systemd/system"
    shutil.copy(GUEST / "ci.service", units)
    (units / "multi-user.target.wants").mkdir(exist_ok=True)
    (units / "multi-user.target.wants/ci.service").symlink_to("/etc/systemd/system/ci.service")
    for unit in MASKED:
        (units / unit).symlink_to("/dev/null")


def find_base(suite: str, packages: Sequence[str] = PACKAGES) -> Path:
    """The directory of a base system, which is created once."""
    digest = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:8]
    base = CACHE / f"{suite}-{digest}"
    if not base.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        new = CACHE / f"new-{suite}-{os.getpid()}"
        include = f"--include={','.join(packages)}"
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", include, suite, new], check=True)
        new.rename(base)
    return base


def select_checks(root: Path, modules: Sequence[str]) -> None:
    """Let the next boot run the checks of these modules of the guest."""
    (root / "ci/report").write_text("")
    (root / "ci/environment").write_text(f"CHECKS={' '.join(modules)}\n")


def check_programs(packages: Mapping[str, str]) -> None:
    """Raise CannotBootError unless root runs this and these programs exist, which are given with their packages."""
    if os.geteuid() != 0:
        raise CannotBootError("only root can create and boot a Debian; run the command as root")
    missing = [name for name in packages if shutil.which(name) is None]
    if missing:
        needed = sorted({packages[name] for name in missing})
        raise CannotBootError(f"missing: {', '.join(missing)}; run `apt install {' '.join(needed)}`")
