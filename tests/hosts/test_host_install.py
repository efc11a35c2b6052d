"""`luzia hosts install` puts luzia on a host that has none."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import signal
import socket
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
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


@pytest.fixture
def built_wheel() -> Path:
    """The wheel of this checkout."""
    if not (path := os.environ.get("LUZIA_WHEEL", "")):
        pytest.skip("no wheel: run `make test-hosts`, which builds one and sets LUZIA_WHEEL")
    return Path(path)


@pytest.fixture
def host_with_index(host: FarHost, tmp_path: Path) -> FarHost:
    """The host without luzia, whose pip finds what luzia requires in a directory, and whose python3 is this one."""
    for requirement in importlib.metadata.requires("luzia") or []:
        if "extra ==" not in requirement:
            repack(re.split(r"[^A-Za-z0-9._-]", requirement)[0], tmp_path)
    (host.there.root / ".config/pip").mkdir(parents=True)
    (host.there.root / ".config/pip/pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {tmp_path}\n")
    python = host.there.root / "bin" / "python3"
    python.write_text(f'#!/bin/sh\nexec {getattr(sys, "_base_executable", sys.executable)} "$@"\n')
    python.chmod(0o755)
    return host


def repack(name: str, directory: Path) -> None:
    """Make a wheel of an installed distribution."""
    found = importlib.metadata.distribution(name)
    information = next(file for file in found.files or [] if file.name == "WHEEL")
    tag = re.findall(r"^Tag: (\S+)", information.read_text(), re.MULTILINE)[-1]
    with zipfile.ZipFile(directory / f"{found.name.replace('-', '_')}-{found.version}-{tag}.whl", "w") as archive:
        for file in found.files or []:
            if ".." not in file.parts and file.suffix != ".pyc" and file.name not in ("INSTALLER", "REQUESTED"):
                archive.write(str(file.locate()), str(file))


def test_the_wheel_of_this_checkout_is_installed_and_runs_there(host_with_index: FarHost, built_wheel: Path) -> None:
    host = host_with_index
    host.there.stop()
    done = host.here.run("hosts", "install", NAME, "--wheel", str(built_wheel), "--yes", stdin=-3)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert f"{NAME}: luzia {VERSION}" in done.stdout
    installed = host.there.root / ".local/share/luzia/venv/bin/luzia"
    assert (host.there.root / ".local/bin/luzia").resolve() == installed.resolve()
    with host.there.connect() as wire:
        pid = wire.ok(op="info")["pid"]
    try:
        assert str(installed.parent) in Path(f"/proc/{pid}/cmdline").read_text()
        job = json.loads(host.ok("dispatch", "--json", "overbits", "echo installed"))["job"]
        host.ok("wait", job)
        assert host.ok("logs", job) == "installed\n"
    finally:
        host.luzia("daemon", "stop")


def test_the_service_of_the_user_is_enabled_with_a_hint_for_the_logout(
    host_with_index: FarHost, built_wheel: Path
) -> None:
    host = host_with_index
    host.there.stop()
    runtime = host.there.root / "xdg"
    (runtime / "systemd").mkdir(parents=True)
    systemctl = host.there.root / "bin" / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$@" >> {host.there.root}/systemctl.log\n')
    systemctl.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as manager:
        manager.bind(str(runtime / "systemd" / "private"))
        settings = host.root / "sshd_config"
        settings.write_text(settings.read_text().replace("SetEnv ", f"SetEnv XDG_RUNTIME_DIR={runtime} ", 1))
        host.stop()
        host.start()
        done = host.here.run("hosts", "install", NAME, "--wheel", str(built_wheel), "--yes", stdin=-3)
        with suppress(OSError), host.there.connect() as wire:
            os.kill(wire.ok(op="info")["pid"], signal.SIGTERM)
    assert "luziad.service" in done.stdout, (done.stdout, done.stderr)
    assert "loginctl enable-linger" in done.stdout
    assert "enable --now" in (host.there.root / "systemctl.log").read_text()


def test_versions_that_differ_are_told() -> None:
    older = "import luzia_protocol.version as version; version.VERSION = '0.0.9'"
    code = f"{older}; import runpy; runpy.run_module('luziad', run_name='__main__')"
    with far_host(program=("-c", code)) as host:
        done = host.here.run("hosts", "check", NAME)
        assert done.returncode == 0, done.stderr
        assert f"{NAME}: luzia 0.0.9 (here: {VERSION}; they are compatible)" in done.stdout
        assert json.loads(host.here.run("hosts", "check", "--json").stdout)["version"] == "0.0.9"
