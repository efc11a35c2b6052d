"""The RPM is installed, upgraded while a job runs, and removed, by rpm on Debian after the other package is gone.

Shown are the files, the scriptlets, the units, and their order at an upgrade. Not shown are the dependencies, which
Debian does not have as RPMs, and the presets of Fedora: Debian has none, so systemd enables all units.
"""

from __future__ import annotations

import os
from pathlib import Path

from checks import DEADLINE_S, dispatch, follow, is_active, job, main_pid, processes_of, run, wait_until

UNITS = ("luziad.socket", "luziad.service")


def the_rpm_installs_the_files_and_the_units() -> None:
    _rpm("--install", _package("0"))
    for name in UNITS:
        assert run("systemctl", "is-enabled", name).strip() == "enabled"
    follow("The system service from a package", 4)
    run("luzia", "jobs", user="alice")
    assert run("rpm", "--dbpath=/var/lib/rpm", "--verify", "--nodeps", "luzia") == ""


def an_upgrade_of_the_rpm_restarts_the_daemon_and_disturbs_no_job() -> None:
    name = dispatch("sleep 300")
    wait_until(lambda: job(name)["state"] == "running", "the job runs")
    before = main_pid()
    _rpm("--upgrade", _package("99"))
    assert main_pid() not in ("0", before)
    assert job(name)["state"] == "running"


def a_removal_of_the_rpm_leaves_no_process_and_no_file_but_the_state() -> None:
    _rpm("--erase", "luzia")
    assert not is_active("luziad.service")
    wait_until(lambda: processes_of("luzia") == [], "no process is left")
    for path in ("/run/luzia", "/usr/lib/luzia", "/usr/bin/luzia", "/usr/lib/systemd/system/luziad.service"):
        assert not os.path.exists(path), path
    assert list(Path("/etc/systemd/system").rglob("luziad.*")) == []
    assert os.path.exists("/var/lib/luzia")


def _package(version: str) -> str:
    (package,) = Path("/ci").glob(f"luzia-{version}.*.rpm")
    return str(package)


def _rpm(action: str, package: str) -> None:
    option = "--force-debian"  # Debian's rpm up to 4.18 asks for it
    permits = (option,) if option in run("rpm", "--help") else ()
    run("rpm", *permits, "--dbpath=/var/lib/rpm", "--nodeps", action, package, timeout=1.5 * DEADLINE_S)
