"""Builds the package for Debian and Ubuntu with dpkg-deb."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from luzia_packages import tree

SCRIPTS = Path(__file__).parent / "debian"
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions",
    "zsh": "usr/share/zsh/vendor-completions",
    "fish": "usr/share/fish/vendor_completions.d",
}


def build(output: Path, python: str, version: str) -> Path:
    """Build the package and return its path.

    output: its directory. python: the version of the distribution's interpreter. version: of the package.
    """
    with tempfile.TemporaryDirectory(prefix="luzia-deb-") as work:
        root = Path(work) / "root"
        root.mkdir(mode=0o755)
        tree.stage(root, python, COMPLETIONS)
        return pack(root, output, python, version)


def pack(root: Path, output: Path, python: str, version: str) -> Path:
    """Build the package of the files below `root`, to which it adds DEBIAN; the rest is as for `build`."""
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    size = sum(file.lstat().st_size for file in root.rglob("*") if file.is_file()) // 1024
    control = root / "DEBIAN"
    control.mkdir()
    for script in ("postinst", "prerm", "postrm"):
        shutil.copy(SCRIPTS / script, control)
        (control / script).chmod(0o755)
    subprocess.run(["chmod", "-R", "u=rwX,go=rX", root], check=True)
    values = {
        "VERSION": version,
        "ARCHITECTURE": architecture,
        "SIZE": str(size),
        "PYTHON": python,
        "NEXT_PYTHON": f"3.{int(python.partition('.')[2]) + 1}",
    }
    (control / "control").write_text(_filled((SCRIPTS / "control").read_text(), values))
    package = output / f"luzia_{version}_{architecture}.deb"
    words: list[str | Path] = ["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", root, package]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return package


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
