"""The package is upgraded while a job runs, removed and purged."""

from __future__ import annotations

import os
from pathlib import Path

from checks import dispatch, install, is_active, job, main_pid, processes_of, run, wait_until

UNITS = ("luziad.socket", "luziad.service")


def an_upgrade_restarts_the_daemon_and_disturbs_no_job() -> None:
    name = dispatch("sleep 300")
    wait_until(lambda: job(name)["state"] == "running", "the job runs")
    before = main_pid()
    install("0.0.2")
    assert main_pid() not in ("0", before)
    assert job(name)["state"] == "running"


def an_upgrade_leaves_a_stopped_and_disabled_service_as_it_is() -> None:
    run("systemctl", "disable", "--now", *UNITS)
    script = ("/var/lib/dpkg/info/luzia.postinst", "configure", "0.0.1")  # what an upgrade runs
    run("env", "DPKG_MAINTSCRIPT_PACKAGE=luzia", "DPKG_MAINTSCRIPT_NAME=postinst", *script)
    assert not is_active("luziad.service")
    assert run("systemctl", "is-enabled", "luziad.service", status=None).strip() == "disabled"
    run("systemctl", "enable", "--now", *UNITS)


def a_removal_leaves_no_process_and_no_file_but_the_state() -> None:
    Path("/etc/luzia/config.toml").write_text('[env]\nKEY = "secret"\n')
    run("systemctl", "--user", "disable", "--now", *UNITS, user="bob")
    run("dpkg", "--remove", "luzia", timeout=60)
    assert not is_active("luziad.service")
    wait_until(lambda: processes_of("luzia") == [], "no process is left")
    assert not os.path.exists("/usr/lib/luzia")
    assert not os.path.exists("/usr/bin/luzia")
    assert os.path.exists("/etc/luzia/config.toml")


def a_purge_keeps_no_secret() -> None:
    run("dpkg", "--purge", "luzia", timeout=60)
    for path in ("/etc/luzia", "/var/lib/luzia", "/run/luzia"):
        assert not os.path.exists(path), path
    wants = Path("/etc/systemd/system").rglob("luziad.*")
    assert list(wants) == []
