"""`luzia hosts install` puts luzia on a host that has none."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_protocol.version import VERSION

from far_host import NAME, FarHost, far_host
from support import MAIN


@pytest.fixture
def host() -> Iterator[FarHost]:
    """A host without luzia."""
    with far_host() as found:
        (found.there.root / "bin" / "luzia").unlink()
        yield found


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel whose `luzia` runs the one of the tests, and which requires nothing."""
    path = tmp_path / f"luzia-{VERSION}-py3-none-any.whl"
    info = f"luzia-{VERSION}.dist-info"
    command = f"[{sys.executable!r}, '-c', {MAIN!r}, *sys.argv[1:]]"
    module = f"import os, sys\ndef main(): os.execv({sys.executable!r}, {command})\n"
    files = {
        "luzia_of_the_tests.py": module,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: luzia\nVersion: {VERSION}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nluzia = luzia_of_the_tests:main\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (files | {f"{info}/RECORD": record}).items():
            archive.writestr(name, content)
    return path


def test_the_plan_is_shown_and_nothing_is_done_without_consent(host: FarHost, wheel: Path) -> None:
    done = host.here.run("hosts", "install", NAME, "--wheel", str(wheel), stdin=-3)
    assert done.returncode == 2
    assert "~/.local/share/luzia/venv" in done.stdout
    assert "--yes" in done.stderr
    assert not (host.there.root / ".local").exists()
    assert not (host.there.root / ".cache").exists()


def test_a_host_can_be_used_after_the_installation(host: FarHost, wheel: Path) -> None:
    done = host.here.run("hosts", "install", NAME, "--wheel", str(wheel), "--yes", stdin=-3)
    assert done.returncode == 0, done.stderr
    assert f"{NAME}: luzia {VERSION}" in done.stdout
    assert (host.there.root / ".local/bin/luzia").resolve().is_file()
    host.ok("run", "-q", "overbits", "--", "true")
    again = host.here.run("hosts", "install", NAME, "--wheel", str(wheel), "--yes", stdin=-3)
    assert again.returncode == 0, again.stderr


def test_the_step_that_fails_is_named(host: FarHost, tmp_path: Path) -> None:
    broken = tmp_path / f"luzia-{VERSION}-py3-none-any.whl"
    broken.write_bytes(b"no wheel")
    done = host.here.run("hosts", "install", NAME, "--wheel", str(broken), "--yes", stdin=-3)
    assert done.returncode == 3
    assert f"cannot install {broken.name}" in done.stderr
