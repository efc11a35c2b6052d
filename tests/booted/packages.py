"""The packages that are installed in a guest: built as the page says, and the same files again as a newer version."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from luzia_protocol.version import VERSION

from booted import page
from booted.debian import ROOT
from luzia_packages import deb, rpm, tree

NEWER = "99.0"
"""The version to which a package is upgraded."""
PROJECT_URL = "https://example.org/luzia"


def build_debs(work: Path, python: str) -> list[Path]:
    """Build the Debian package and a newer one, for an interpreter of this version; returns both."""
    architecture = subprocess.run(["dpkg", "--print-architecture"], stdout=subprocess.PIPE, text=True, check=True)
    page.follow("The system service from a package", 1, cwd=ROOT, env=_environment(python), stdout=subprocess.DEVNULL)
    built = ROOT / f"dist/luzia_{VERSION}_{architecture.stdout.strip()}.deb"
    subprocess.run(["dpkg-deb", "--extract", built, work / "deb"], check=True)
    return [built, deb.pack(work / "deb", work, python, NEWER)]


def build_rpms(work: Path, python: str) -> list[Path]:
    """Build the RPM package and a newer one, for an interpreter of this version; returns both."""
    page.follow("The system service from a package", 3, cwd=ROOT, env=_environment(python), stdout=subprocess.DEVNULL)
    built = ROOT / f"dist/luzia-{VERSION}-1.{tree.machine()}.rpm"
    root = work / "rpm"
    root.mkdir(mode=0o755)
    subprocess.run(["sh", "-euc", 'rpm2archive --nocompression <"$1" | tar -C "$2" -x', "sh", built, root], check=True)
    return [built, rpm.pack(root, work, python, NEWER)]


def copy_sources(target: Path) -> None:
    """Copy a clone of the repository, with the changes in it that are not committed."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source = ROOT / name
        if source.is_symlink() or source.exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)


def _environment(python: str) -> dict[str, str]:
    """What `make` needs to build a package for an interpreter of this version, for an index."""
    return {**os.environ, "PYTHON_VERSION": python, "LUZIA_PROJECT_URL": PROJECT_URL}
