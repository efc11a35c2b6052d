"""`luzia hosts install` puts luzia on a host that has none."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import socket
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_protocol.version import VERSION

from far_host import NAME, FarHost, far_host
from support import MAIN, eventually

BUILT = os.environ.get("LUZIA_WHEEL", "")
"""The wheel of this checkout, which `make test-hosts` builds."""


class Installed:
    """A host on which luzia was installed. wheel: what was installed. said: what the command printed."""

    def __init__(self, host: FarHost, wheel: Path) -> None:
        self.host = host
        self.wheel = wheel
        self.said = self.install(wheel)

    def install(self, wheel: Path) -> str:
        """Install a wheel, which must succeed; returns what was printed."""
        done = self.host.here.run("hosts", "install", NAME, "--wheel", str(wheel), "--yes", stdin=-3)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def host() -> Iterator[FarHost]:
    """A host without luzia."""
    with far_host() as found:
        (found.there.root / "bin" / "luzia").unlink()
        yield found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """A host whose users have a manager of services, and on which nothing but this installation leads to luzia.

    Its pip finds what luzia requires in a directory, and its python3 is this one.
    """
    directory = tmp_path_factory.mktemp("index")
    wheel = Path(BUILT) if BUILT else make_small_wheel(directory)
    with far_host() as host, socket.socket(socket.AF_UNIX) as manager:
        root = host.there.root
        (root / "bin" / "luzia").unlink()
        host.there.stop()
        for requirement in importlib.metadata.requires("luzia") or []:
            if "extra ==" not in requirement:
                repack(re.split(r"[^A-Za-z0-9._-]", requirement)[0], directory)
        (root / ".config/pip").mkdir(parents=True)
        (root / ".config/pip/pip.conf").write_text(
            f"[global]\nno-index = true\nfind-links = {directory}\n[install]\nno-compile = true\n"
        )
        python = getattr(sys, "_base_executable", sys.executable)
        write_program(root / "bin" / "python3", f'exec {python} "$@"')
        write_program(root / "bin" / "systemctl", f'echo "$@" >> {root}/systemctl.log')
        (root / "xdg" / "systemd").mkdir(parents=True)
        manager.bind(str(root / "xdg" / "systemd" / "private"))
        settings = host.root / "sshd_config"
        settings.write_text(settings.read_text().replace("SetEnv ", f"SetEnv XDG_RUNTIME_DIR={root}/xdg ", 1))
        host.stop()
        host.start()
        yield Installed(host, wheel)
        host.luzia("daemon", "stop")


def write_program(path: Path, command: str) -> None:
    """Write a program that is a command of the shell."""
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)


def make_small_wheel(directory: Path) -> Path:
    """Make a wheel whose `luzia` runs the one of the tests, and which requires nothing."""
    path = directory / f"luzia-{VERSION}-py3-none-any.whl"
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


def repack(name: str, directory: Path) -> None:
    """Make a wheel of an installed distribution."""
    found = importlib.metadata.distribution(name)
    information = next(file for file in found.files or [] if file.name == "WHEEL")
    tag = re.findall(r"^Tag: (\S+)", information.read_text(), re.MULTILINE)[-1]
    with zipfile.ZipFile(directory / f"{found.name.replace('-', '_')}-{found.version}-{tag}.whl", "w") as archive:
        for file in found.files or []:
            if ".." not in file.parts and file.suffix != ".pyc" and file.name not in ("INSTALLER", "REQUESTED"):
                archive.write(str(file.locate()), str(file))


def test_the_plan_is_shown_and_nothing_is_done_without_consent(host: FarHost, tmp_path: Path) -> None:
    wheel = make_small_wheel(tmp_path)
    done = host.here.run("hosts", "install", NAME, "--wheel", str(wheel), stdin=-3)
    assert done.returncode == 2
    assert "~/.local/share/luzia/venv" in done.stdout
    assert "--yes" in done.stderr
    assert not (host.there.root / ".local").exists()
    assert not (host.there.root / ".cache").exists()


def test_a_host_can_be_used_after_the_installation(installed: Installed) -> None:
    host = installed.host
    assert f"{NAME}: luzia {VERSION}" in installed.said
    program = host.there.root / ".local/share/luzia/venv/bin/luzia"
    assert (host.there.root / ".local/bin/luzia").resolve() == program.resolve()
    host.ok("run", "-q", "overbits", "--", "true")


def test_an_installation_over_another_one_replaces_luziad_and_its_jobs_continue(installed: Installed) -> None:
    host = installed.host
    before = json.loads(host.ok("daemon", "status", "--json"))["pid"]
    job = json.loads(host.ok("dispatch", "--json", "overbits", "echo up; exec sleep 1000"))["job"]
    eventually(lambda: host.ok("logs", job) == "up\n", "the output")
    assert f"{NAME}: luzia {VERSION}" in installed.install(installed.wheel)
    assert json.loads(host.ok("daemon", "status", "--json"))["pid"] != before
    assert json.loads(host.ok("jobs", job, "--json"))["attempt"] == 1
    assert host.state_there(job) == "running"
    host.ok("cancel", job)


@pytest.mark.skipif(not BUILT, reason="no wheel: run `make test-hosts`, which builds one and sets LUZIA_WHEEL")
def test_the_wheel_of_this_checkout_is_what_runs_there(installed: Installed) -> None:
    host = installed.host
    job = json.loads(host.ok("dispatch", "--json", "overbits", "echo installed"))["job"]
    host.ok("wait", job)
    assert host.ok("logs", job) == "installed\n"
    with host.there.connect() as wire:
        pid = wire.ok(op="info")["pid"]
    programs = host.there.root / ".local/share/luzia/venv/bin"
    assert str(programs) in Path(f"/proc/{pid}/cmdline").read_text()


def test_the_service_of_the_user_is_enabled_with_a_hint_for_the_logout(installed: Installed) -> None:
    assert "luziad.service" in installed.said
    assert "loginctl enable-linger" in installed.said
    assert "enable --now" in (installed.host.there.root / "systemctl.log").read_text()


def test_the_step_that_fails_is_named_and_what_is_there_stays(installed: Installed, tmp_path: Path) -> None:
    host = installed.host
    broken = tmp_path / f"luzia-{VERSION}-py3-none-any.whl"
    broken.write_bytes(b"no wheel")
    done = host.here.run("hosts", "install", NAME, "--wheel", str(broken), "--yes", stdin=-3)
    assert done.returncode == 3
    assert f"cannot install {broken.name}" in done.stderr
    host.ok("jobs")


def test_versions_that_differ_are_told() -> None:
    older = "import luzia_protocol.version as version; version.VERSION = '0.0.9'"
    code = f"{older}; import runpy; runpy.run_module('luziad', run_name='__main__')"
    with far_host(program=("-c", code)) as host:
        done = host.here.run("hosts", "check", NAME)
        assert done.returncode == 0, done.stderr
        assert f"{NAME}: luzia 0.0.9 (here: {VERSION}; they are compatible)" in done.stdout
        assert json.loads(host.here.run("hosts", "check", "--json").stdout)["version"] == "0.0.9"
