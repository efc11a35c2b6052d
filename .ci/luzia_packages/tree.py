"""Stages the files of a package: a bundled virtual environment, the units, the manual and the completions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"
BUNDLE = Path("usr/lib/luzia")
USER_SERVICES = Path(__file__).parent / "user-services"
"""A program of both packages, for the services of users at an upgrade and a removal."""
PROGRAMS = ("luzia", "luziad")
HELPERS = ("luzia-py", "python3")
"""Programs that those start; only the bundle has them."""
EXTRAS = "[metrics,notify,web]"
"""Of the optional clients that have units."""
PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014", "linux")
"""The tags of wheels that run on the oldest distribution: glibc 2.28 and newer."""
PIP: tuple[str | Path, ...] = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
_HINT = re.compile(r"(?m)^# If the programs? (?:is|are) not in ~/\.local/bin.*\n")
"""A line of units that a user copies."""


def stage(tree: Path, python: str, completions: dict[str, str]) -> None:
    """Create the files below `tree`, which must not exist.

    python: the version of the distribution's interpreter, such as 3.11. completions: the directory of each shell's
    completions in the distribution.
    """
    site = tree / BUNDLE / "lib" / f"python{python}" / "site-packages"
    site.mkdir(parents=True)
    _install(site, python)
    _complete_environment(tree, site, python)
    _move_shared_files(tree, site / "share", completions)
    _copy_units(tree)


def machine() -> str:
    """The architecture, as in the tags of wheels and in rpm."""
    return os.uname().machine


def download_wheels(directory: Path, python: str) -> None:
    """Download what an installation from the sources needs for this interpreter, built wheels of dependencies."""
    with tempfile.TemporaryDirectory(prefix="luzia-wheel-") as work:
        wheel = _build_wheel(Path(work))
        subprocess.run([*PIP, "download", "--dest", directory, *_selection(python), wheel, "hatchling"], check=True)
        (directory / wheel.name).unlink()


def _install(site: Path, python: str) -> None:
    """Install luzia and its dependencies, whatever interpreter runs this."""
    with tempfile.TemporaryDirectory(prefix="luzia-wheel-") as work:
        wheel = f"{_build_wheel(Path(work))}{EXTRAS}"
        subprocess.run([*PIP, "install", "--target", site, "--no-compile", *_selection(python), wheel], check=True)


def _build_wheel(directory: Path) -> Path:
    subprocess.run(
        [*PIP, "wheel", "--no-deps", "--build-constraint", CONSTRAINTS, "--wheel-dir", directory, ROOT], check=True
    )
    (wheel,) = directory.iterdir()
    return wheel


def _selection(python: str) -> list[str | Path]:
    """Options of pip that select wheels for this interpreter."""
    return [
        *("--only-binary=:all:", "--constraint", CONSTRAINTS, "--python-version", python, "--implementation", "cp"),
        *(word for each in PLATFORMS for word in ("--platform", f"{each}_{machine()}")),
    ]


def _complete_environment(tree: Path, site: Path, python: str) -> None:
    """Make a virtual environment of the installed modules: its marker, its interpreter and its programs."""
    bundle = tree / BUNDLE
    (bundle / "pyvenv.cfg").write_text(f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n")
    (site / "bin").rename(bundle / "bin")
    (bundle / "bin" / "python3").symlink_to(f"../../../bin/python{python}")
    (tree / "usr/bin").mkdir()
    for program in (bundle / "bin").iterdir():
        if program.name not in (*PROGRAMS, *HELPERS):
            program.unlink()  # of a dependency
        elif not program.is_symlink() and program.read_bytes()[:2] == b"#!":
            _, _, body = program.read_bytes().partition(b"\n")
            program.write_bytes(b"#!/%s/bin/python3\n" % os.fsencode(BUNDLE) + body)
    for name in PROGRAMS:
        (tree / "usr/bin" / name).symlink_to(f"../lib/luzia/bin/{name}")


def _move_shared_files(tree: Path, shared: Path, completions: dict[str, str]) -> None:
    """Move the manual and the completions from the wheel's `share` to where the distribution has them."""
    shutil.move(shared / "man", tree / "usr/share/man")
    for page in (tree / "usr/share/man").rglob("*.[18]"):
        subprocess.run(["gzip", "-9n", page], check=True)
    names = {
        "bash": "bash-completion/completions/luzia",
        "zsh": "zsh/site-functions/_luzia",
        "fish": "fish/vendor_completions.d/luzia.fish",
    }
    for shell, name in names.items():
        target = tree / completions[shell] / Path(name).name
        target.parent.mkdir(parents=True)
        shutil.move(shared / name, target)
    shutil.rmtree(shared)


def _copy_units(tree: Path) -> None:
    systemd = ROOT / "systemd"
    for kind in ("system", "user"):
        shutil.copytree(systemd / kind, tree / "usr/lib/systemd" / kind)
    for unit in (tree / "usr/lib/systemd/user").iterdir():
        unit.write_text(_HINT.sub("", unit.read_text()).replace("=%h/.local/bin/", "=/usr/bin/"))
    for kind in ("sysusers.d", "tmpfiles.d"):
        shutil.copytree(systemd / kind, tree / "usr/lib" / kind)
    shutil.copy(USER_SERVICES, tree / BUNDLE)
    documents = tree / "usr/share/doc/luzia"
    documents.mkdir(parents=True)
    shutil.copy(ROOT / "LICENSE", documents / "copyright")
    shutil.copy(ROOT / "CHANGELOG.md", documents)
