"""The systemd units are valid, and keep running agents out of systemd's hands."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from luzia_client.transport.autostart import EXIT_CONFIG_INVALID
from luziad.supervise import cgroup
from unit.house.scripts import ROOT

UNITS = ROOT / "systemd"
SERVICES = [UNITS / kind / "luziad.service" for kind in ("user", "system")]

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")


def settings(unit: Path) -> dict[str, str]:
    """The [Service] or [Socket] section of a unit."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(unit)
    return dict(parser[unit.suffix.removeprefix(".").capitalize()])


def version() -> int:
    """The version of systemd that is installed here."""
    words = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True, check=True).stdout.split()
    return int(words[1])


@needs_systemd
@pytest.mark.parametrize("kind", ["user", "system"])
def test_systemd_accepts_the_units(kind: str, tmp_path: Path) -> None:
    for unit in (UNITS / kind).iterdir():
        # systemd insists that the programs exist, which need not be installed here.
        text = re.sub(r"(?m)^(Exec\w+)=\S+", r"\1=/bin/true", unit.read_text())
        (tmp_path / unit.name).write_text(text)
    result = subprocess.run(
        ["systemd-analyze", f"--{kind}", "--man=no", "verify", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    # The one setting that an older systemd does not know; luziad finds out whether it is in force.
    known = "Unknown key 'DelegateSubgroup' in section [Service], ignoring."
    complaints = [line for line in result.stderr.splitlines() if version() >= 254 or known not in line]
    assert (result.returncode, result.stdout, complaints) == (0, "", [])


@pytest.mark.parametrize("service", SERVICES, ids=["user", "system"])
def test_restarting_the_daemon_touches_no_agent(service: Path) -> None:
    service_settings = settings(service)
    assert service_settings["KillMode"] == "process"
    assert service_settings["OOMPolicy"] == "continue"


@pytest.mark.parametrize("service", SERVICES, ids=["user", "system"])
def test_the_daemon_may_enable_controllers_and_is_not_in_the_cgroup_that_has_them(service: Path) -> None:
    assert settings(service)["Delegate"] == "cpu memory pids"
    assert settings(service)["DelegateSubgroup"] == cgroup.HOME


@pytest.mark.parametrize("service", SERVICES, ids=["user", "system"])
def test_a_mistake_in_the_configuration_is_not_tried_again(service: Path) -> None:
    assert settings(service)["RestartPreventExitStatus"] == str(EXIT_CONFIG_INVALID)


@pytest.mark.parametrize("service", SERVICES, ids=["user", "system"])
def test_enabling_the_service_enables_its_socket(service: Path) -> None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read(service)
    assert parser["Install"]["Also"] == "luziad.socket"


@pytest.mark.parametrize("kind", ["user", "system"])
def test_no_socket_is_left_when_systemd_stops_it(kind: str) -> None:
    assert settings(UNITS / kind / "luziad.socket")["RemoveOnStop"] == "yes"


@pytest.mark.parametrize("service", SERVICES, ids=["user", "system"])
def test_the_daemon_is_restarted_only_when_it_failed_or_hangs(service: Path) -> None:
    service_settings = settings(service)
    assert service_settings["Type"] == "notify"
    assert int(service_settings["WatchdogSec"]) > 0
    assert service_settings["Restart"] == "on-failure"


def test_the_system_socket_is_for_the_group_alone() -> None:
    socket_settings = settings(UNITS / "system" / "luziad.socket")
    assert socket_settings["SocketMode"] == "0660"
    assert socket_settings["SocketGroup"] == "luzia"


def test_the_users_socket_is_for_the_user_alone() -> None:
    socket_settings = settings(UNITS / "user" / "luziad.socket")
    assert socket_settings["SocketMode"] == "0600"
    assert socket_settings["DirectoryMode"] == "0700"


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="no systemd-sysusers")
def test_systemd_accepts_the_users_and_groups() -> None:
    snippet = UNITS / "sysusers.d" / "luzia.conf"
    result = subprocess.run(["systemd-sysusers", "--dry-run", str(snippet)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
