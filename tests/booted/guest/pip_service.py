"""The system service with pip, on a machine without a package: installed, used and removed as the page says."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from checks import DEADLINE_S, dispatch, follow, is_active, job, processes_of, run, unit, wait_until

UNITS = ("luziad.socket", "luziad.service")
WRITTEN = ("sysusers.d/luzia.conf", "tmpfiles.d/luzia.conf", *(f"systemd/system/{name}" for name in UNITS))


def the_system_service_with_pip() -> None:
    assert not os.path.exists("/etc/sysusers.d")
    Path("/etc/pip.conf").write_text("[global]\nno-index = true\nfind-links = /ci/wheels\n")
    shutil.copytree("/ci/sources", "/home/alice/luzia", symlinks=True, dirs_exist_ok=True)
    follow("The system service with pip", directory="luzia", timeout=3 * DEADLINE_S)
    assert unit("luziad.service", "FragmentPath") == "/etc/systemd/system/luziad.service"
    assert [is_active(name) for name in UNITS] == [True, True]
    assert [run("systemctl", "is-enabled", name).strip() for name in UNITS] == ["enabled", "enabled"]
    run("luzia", "wait", dispatch("true", user="alice"))
    assert "✗" not in run("luzia", "doctor", user="alice")


def its_removal_leaves_no_process_and_no_file_but_the_state() -> None:
    name = dispatch("sleep 300", user="alice")
    wait_until(lambda: job(name)["state"] == "running", "the job runs")
    follow("Remove it", 4)
    wait_until(lambda: processes_of("luzia") == [], "no process is left")
    assert [is_active(name) for name in UNITS] == [False, False]
    for path in (*(f"/etc/{name}" for name in WRITTEN), "/usr/local/lib/luzia", "/run/luzia"):
        assert not os.path.exists(path), path
    assert list(Path("/etc/systemd/system").rglob("luziad.*")) == []
    assert list(Path("/usr/local/bin").glob("luzia*")) == []
    assert os.path.exists("/var/lib/luzia")
