"""Builds the package for Fedora, RHEL and their relatives with rpmbuild."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from luzia_packages import tree

SPEC = Path(__file__).parent / "rpm" / "luzia.spec"
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions",
    "zsh": "usr/share/zsh/site-functions",
    "fish": "usr/share/fish/vendor_completions.d",
}


def build(output: Path, python: str, version: str) -> Path:
    """Build the package and return its path.

    output: its directory. python: the version of the distribution's interpreter. version: of the package.
    """
    with tempfile.TemporaryDirectory(prefix="luzia-rpm-") as work:
        root = Path(work) / "root"
        root.mkdir(mode=0o755)
        tree.stage(root, python, COMPLETIONS)
        return pack(root, output, python, version)


def pack(root: Path, output: Path, python: str, version: str) -> Path:
    """Build the package of the files below `root`; the rest is as for `build`."""
    subprocess.run(["chmod", "-R", "u=rwX,go=rX", root], check=True)
    with tempfile.TemporaryDirectory(prefix="luzia-rpm-") as work:
        definitions = {
            "_topdir": work,
            "_rpmdir": str(output),
            "_binary_payload": "w6.gzdio",  # the default level takes several times as long
            "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
            "luzia_version": version,
            "luzia_python": python,
            "luzia_tree": str(root),
        }
        defined = [word for name, value in definitions.items() for word in ("--define", f"{name} {value}")]
        subprocess.run(["rpmbuild", "--quiet", "-bb", *defined, SPEC], check=True, stdout=subprocess.DEVNULL)
    return output / f"luzia-{version}-1.{tree.machine()}.rpm"
