"""The checks of the first boot: the package is installed on a running system."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from checks import dispatch, job, main_pid, run, unit, wait_until

UNITS = ("luziad.socket", "luziad.service")
SOCKET = "/run/luzia/luzia.sock"


def the_package_installs_enables_and_starts_the_service() -> None:
    for user in ("alice", "bob"):
        run("useradd", "--create-home", "--shell", "/bin/bash", user)
    run("dpkg", "--install", "/ci/luzia_0.0.1_amd64.deb", timeout=60)
    for name in UNITS:
        assert run("systemctl", "is-enabled", name).strip() == "enabled"
        assert run("systemctl", "is-active", name).strip() == "active"
    run("usermod", "--append", "--groups", "luzia", "alice")
    run("install", "-d", "-o", "luzia", "-g", "luzia", "/srv/work")


def systemd_accepts_the_units() -> None:
    paths = [f"/usr/lib/systemd/{kind}/{name}" for kind in ("system", "user") for name in UNITS]
    version = int(run("systemctl", "--version").split()[1])
    for start in (0, 2):
        output = run("systemd-analyze", "--man=no", *(["--user"] if start else []), "verify", *paths[start : start + 2])
        known = "Unknown key name 'DelegateSubgroup'"
        assert [line for line in output.splitlines() if not (version < 254 and known in line)] == []


def the_socket_starts_the_daemon() -> None:
    run("systemctl", "stop", "luziad.service")
    assert main_pid() == "0"
    run("luzia", "daemon", "status", user="alice")
    assert main_pid() != "0"


def only_the_group_may_connect() -> None:
    output = run("env", f"LUZIA_SOCKET={SOCKET}", "luzia", "jobs", user="bob", status=None)
    assert "permission denied" in output


def jobs_run_as_the_user_luzia() -> None:
    name = dispatch("id --user --name", user="alice")
    run("luzia", "wait", name)
    assert run("luzia", "logs", name).strip() == "luzia"


def a_restart_and_a_crash_disturb_no_job() -> None:
    name = dispatch("while [ ! -e /srv/work/go ]; do sleep 0.1; done; exit 7")
    wait_until(lambda: job(name)["state"] == "running", "the job runs")
    before = main_pid()
    run("systemctl", "restart", "luziad.service")
    assert main_pid() != before
    os.kill(int(main_pid()), signal.SIGKILL)
    wait_until(lambda: unit("luziad.service", "NRestarts") == "1", "systemd has restarted it")
    assert job(name)["state"] == "running"
    run("runuser", "-u", "luzia", "--", "touch", "/srv/work/go")
    run("luzia", "wait", name, status=None)
    assert job(name)["exit_code"] == 7


def a_reload_reads_the_configuration() -> None:
    Path("/etc/luzia/config.toml").write_text("[daemon]\nmax_running = 7\n")
    run("systemctl", "reload", "luziad.service")
    wait_until(lambda: json.loads(run("luzia", "daemon", "status", "--json"))["slots"] == 7, "it is applied")


def a_daemon_that_hangs_is_restarted() -> None:
    drop_in = Path("/run/systemd/system/luziad.service.d/watchdog.conf")
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Service]\nWatchdogSec=1\nWatchdogSignal=SIGKILL\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "luziad.service")
    before = main_pid()
    os.kill(int(before), signal.SIGSTOP)
    wait_until(lambda: main_pid() not in ("0", before), "the watchdog has restarted it")
    drop_in.unlink()
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "luziad.service")


def jobs_are_left_for_the_next_boot() -> None:
    again = "[ $LUZIA_ATTEMPT = 2 ] || sleep 300"
    ids = [dispatch(again, "--retries", "1") for _ in range(3)]
    wait_until(lambda: all(job(name)["state"] == "running" for name in ids), "the jobs run")
    Path("/var/lib/left-running").write_text("\n".join(ids))
    dispatch("touch /srv/work/later", "--in", "5s")
    dispatch("touch /srv/work/queued", "--after", ids[0])
