"""Builds the programs `luzia` and `luzia-forks` into a wheel: native ones where a C compiler works.

Without one, `luzia` becomes the Python program, and the daemon runs its fork server in Python.

hatchling runs this file while it builds; nothing imports it. The variable LUZIA_NATIVE says what to build: `auto` (the
default), `no` for a wheel without native parts, or `static` for one that runs on every Linux of this architecture.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CLIENT, FORK_SERVER = "luzia_client/native", "luziad/supervise/native"
"""Where the C files of each program are."""
FLAGS = (
    *("-std=c11", "-O2", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong"),
    *("-Wl,-z,relro,-z,now", "-Wl,-z,noexecstack", "-Wl,-s"),
)
LINKING = (("-static-pie", "-fPIE"), ("-static",), ("-pie", "-fPIE"), ())
"""Ways to link, the best first: a program without shared libraries starts in half the time."""
PORTABLE_TAGS = "manylinux_2_17_{0}.musllinux_1_1_{0}"
"""What a program without shared libraries runs on: see PEP 600 and PEP 656."""

SCRIPT = """\
#!python
import sys
from luzia_client.cli.main import main
sys.exit(main())
"""
"""The program where no native one can be built. An installer puts the interpreter into the first line."""


class NativeProgram(BuildHookInterface):  # type: ignore[misc]
    """The hook. The wheel's script `luzia-py` is the Python program, and `luzia` becomes the other or a copy of it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the program to the wheel."""
        wanted = os.environ.get("LUZIA_NATIVE", "auto")
        if wanted not in ("auto", "no", "static"):
            raise ValueError(f"LUZIA_NATIVE is '{wanted}'; set it to auto, no or static")
        self._directory = tempfile.mkdtemp(prefix="luzia-build-")
        program = Path(self._directory) / "luzia"
        source = Path(self.root)
        options = [_modules_of(source)] if version == "editable" else []
        if wanted != "no" and (linking := build(source / CLIENT, program, *options, static=wanted == "static")):
            architecture = sysconfig.get_platform().removeprefix("linux-").replace("-", "_").replace(".", "_")
            is_portable = any(flag.startswith("-static") for flag in linking)
            tags = PORTABLE_TAGS if wanted == "static" and is_portable else "linux_{0}"
            build_data["tag"] = f"py3-none-{tags.format(architecture)}"
            build_data["pure_python"] = False
            self._add_fork_server(version, build_data, static=wanted == "static")
        else:
            if version == "editable":
                (Path(self.root) / FORK_SERVER / "luzia-forks").unlink(missing_ok=True)
            if wanted == "static":
                raise RuntimeError("no C compiler here can build luzia without shared libraries")
            program.write_text(SCRIPT)
            program.chmod(0o755)
        build_data["shared_scripts"][str(program)] = "luzia"

    def _add_fork_server(self, version: str, build_data: dict[str, Any], *, static: bool) -> None:
        """Build the fork server into the package; into the source tree if that is what will run."""
        place = Path(FORK_SERVER) / "luzia-forks"
        is_editable = version == "editable"
        program = Path(self.root) / place if is_editable else Path(self._directory) / place.name
        if build(Path(self.root) / FORK_SERVER, program, static=static) and not is_editable:
            build_data["force_include"][str(program)] = str(place)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the program that is in the wheel now."""
        del version, build_data, artifact_path
        shutil.rmtree(self._directory)


def _modules_of(source: Path) -> str:
    """The option of the compiler that tells the program where an editable installation has its modules."""
    directories = "".join(f"{str(directory)!a}," for directory in (source, source / "protocol"))
    return f"-DSOURCE_TREE={json.dumps(directories)}"


def build(source: Path, program: Path, *options: str, static: bool = False) -> tuple[str, ...] | None:
    """Compile and link the program; returns the flags that it was linked with, None when no compiler can.

    source: the directory of the C files. options: more of the compiler's. static: only without shared libraries.
    """
    compiler = shlex.split(os.environ.get("CC", "cc"))
    files = [str(file) for file in sorted(source.glob("*.c"))]
    for linking in LINKING:
        if static and not any(flag.startswith("-static") for flag in linking):
            continue
        try:
            done = subprocess.run(
                [*compiler, *FLAGS, *options, *linking, "-o", str(program), *files],
                check=False,
                capture_output=True,
                text=True,
            )
        except OSError:
            return None
        if done.returncode == 0 and _starts(program):
            return linking
    program.unlink(missing_ok=True)
    print(f"luzia: the Python program is used; {program.name} cannot be built:\n{done.stderr}", file=sys.stderr)
    return None


def _starts(program: Path) -> bool:
    """Whether the program is one for this machine: alone, it says that it is incomplete."""
    try:
        return b"only a part" in subprocess.run([program], check=False, capture_output=True).stderr
    except OSError:
        return False
