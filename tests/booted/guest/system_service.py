"""What an administrator and a member of the group do with the system service."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from checks import (
    ANY,
    dispatch,
    is_active,
    job,
    journal,
    main_pid,
    processes_of,
    run,
    started,
    systemd_version,
    unit,
    wait_until,
)

SOCKET = "/run/luzia/luzia.sock"
CONFIG = Path("/etc/luzia/config.toml")
UNITS = ("luziad.socket", "luziad.service")


def the_socket_starts_the_daemon() -> None:
    run("systemctl", "stop", "luziad.service")
    assert main_pid() == "0"
    run("luzia", "daemon", "status", user="alice")
    assert main_pid() != "0"


def only_the_group_may_connect() -> None:
    output = run("env", f"LUZIA_SOCKET={SOCKET}", "luzia", "jobs", user="bob", status=None)
    assert "permission denied" in output


def a_member_of_the_group_is_told_that_only_root_controls_the_service() -> None:
    run("gpasswd", "--add", "bob", "luzia")
    environment = ("env", f"LUZIA_SOCKET={SOCKET}", "luzia")
    for verb in ("stop", "restart"):
        told = run(*environment, "daemon", verb, user="bob", status=None)
        assert f"sudo systemctl {verb} luziad." in told
    assert [is_active(name) for name in UNITS] == [True, True]
    assert "✗" not in run(*environment, "doctor", user="bob")
    run("gpasswd", "--delete", "bob", "luzia")


def jobs_run_as_the_user_luzia() -> None:
    name = dispatch("id --user --name", user="alice")
    run("luzia", "wait", name)
    assert run("luzia", "logs", name).strip() == "luzia"


def nobody_takes_the_place_of_a_stopped_service() -> None:
    run("systemctl", "stop", *UNITS)
    for user in ("root", "alice"):
        for words in (("luzia",), ("env", f"LUZIA_SOCKET={SOCKET}", "luzia")):
            output = run(*words, "jobs", user=user, status=None)
            assert "systemctl start luziad.socket luziad.service" in output
    assert [each for each in processes_of("alice") if "luziad" in each] == []
    assert processes_of("luzia") == []
    assert not os.path.exists(SOCKET)
    by_hand = run("env", "LUZIA_RUNTIME_DIR=/run/luzia", "luziad", status=1)
    assert "belongs to user luzia" in by_hand
    run("luzia", "daemon", "start")
    assert [is_active(name) for name in UNITS] == [True, True]
    assert os.path.exists(SOCKET)


def a_stop_is_not_undone_by_a_client_that_waits() -> None:
    name = dispatch("sleep 300")
    with started("luzia", "wait", name):
        wait_until(lambda: json.loads(run("luzia", "daemon", "status", "--json"))["connections"] == 2, "it waits")
        run("luzia", "daemon", "stop")
        for _ in range(10):  # the client looks for the daemon all the time
            assert [is_active(name) for name in UNITS] == [False, False]
    run("luzia", "daemon", "start")
    run("luzia", "cancel", name)


def a_restart_and_a_crash_disturb_no_job() -> None:
    name = dispatch("while [ ! -e /srv/work/go ]; do sleep 0.1; done; exit 7")
    wait_until(lambda: job(name)["state"] == "running", "the job runs")
    before = main_pid()
    run("luzia", "daemon", "restart")
    assert main_pid() not in ("0", before)
    os.kill(int(main_pid()), signal.SIGKILL)
    wait_until(lambda: unit("luziad.service", "NRestarts") == "1", "systemd has restarted it")
    assert job(name)["state"] == "running"
    run("runuser", "-u", "luzia", "--", "touch", "/srv/work/go")
    run("luzia", "wait", name, status=None)
    assert job(name)["exit_code"] == 7


def a_reload_reads_the_configuration() -> None:
    CONFIG.write_text("[daemon]\nmax_running = 7\n")
    run("systemctl", "reload", "luziad.service")
    wait_until(lambda: json.loads(run("luzia", "daemon", "status", "--json"))["slots"] == 7, "it is applied")


def an_error_in_the_configuration_leaves_the_daemon_running() -> None:
    before, good = main_pid(), CONFIG.read_text()
    CONFIG.write_text("[daemon]\nmax_runing = 7\n")
    for verb in ("restart", "reload"):
        assert "max_runing" in run("luzia", "daemon", verb, status=None)
    run("systemctl", "reload", "luziad.service", status=None)
    assert main_pid() == before
    CONFIG.write_text(good)


def an_error_in_the_configuration_is_not_tried_again_and_again() -> None:
    good = CONFIG.read_text()
    CONFIG.write_text("[daemon]\nmax_runing = 7\n")
    run("systemctl", "restart", "luziad.service", status=None)
    assert unit("luziad.service", "Result") == "exit-code"
    assert unit("luziad.service", "NRestarts") == "0"
    assert "max_runing" in journal("--priority=err")
    CONFIG.write_text(good)
    run("systemctl", "reset-failed", *UNITS)
    run("systemctl", "start", *UNITS)
    assert is_active("luziad.service")


def a_service_that_has_failed_is_told_with_the_command_that_permits_another_start() -> None:
    good = CONFIG.read_text()
    CONFIG.write_text("[daemon]\nmax_runing = 7\n")
    run("systemctl", "restart", "luziad.service", status=None)
    wait_until(lambda: _try_a_client() and not is_active("luziad.socket"), "systemd has given up")
    reset = f"systemctl reset-failed {' '.join(UNITS)}"
    for user in ("alice", "root"):
        assert reset in run("luzia", "jobs", user=user, status=None)
        told = run("luzia", "doctor", user=user, status=1)
        assert f"run `{reset}` first" in told
        assert "✗ /etc/luzia/config.toml:2: daemon.max_runing: unknown key" in told
    assert reset in run("luzia", "daemon", "start", status=None)
    CONFIG.write_text(good)
    run(*reset.split())
    run("luzia", "daemon", "start")
    run("luzia", "jobs", user="alice")


def an_orderly_restart_is_quiet_in_the_journal() -> None:
    run("luzia", "cancel", "@running", status=ANY)
    assert _logged_by_a_restart("--priority=warning") == []
    name = dispatch("sleep 300")
    wait_until(lambda: job(name)["state"] == "running", "the job runs")
    own = _logged_by_a_restart("--identifier=luziad")
    assert [line.split()[1] for line in own] == ["stopping", "ready"], own
    of_systemd = _logged_by_a_restart("--priority=warning")
    known = ("Found left-over process", "This usually indicates unclean termination")
    assert [line for line in of_systemd if not any(text in line for text in known)] == []
    run("luzia", "cancel", name)


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


def the_journal_has_dispatches_with_their_user_one_time_and_priorities() -> None:
    name = dispatch("sleep 300", user="alice")
    uid = run("id", "--user", "alice").strip()
    line = f"luziad.acceptance job_dispatched job={name} project=work agent=shell uid={uid}"
    assert f"\n{line}" in journal("--priority=info")  # from the beginning of a line, so without a time of luziad's
    assert name not in journal("--priority=warning")
    wait_until(lambda: unit("luziad.service", "StatusText") == "Jobs: 1 running", "the status names the job")
    run("luzia", "cancel", name, user="alice")


def doctor_finds_nothing_wrong_and_says_which_limits_hold() -> None:
    limits = "limits on CPU and processes need "
    for user in ("root", "alice"):
        output = run("luzia", "doctor", user=user)
        assert "✓ runtime directory /run/luzia (mode 750)" in output
        assert limits in output or "limits on memory, processes and CPU are enforced" in output


def a_limit_that_would_break_the_next_restart_is_refused() -> None:
    if systemd_version() < 254:
        output = run("luzia", "dispatch", "--agent", "shell", "--max-processes", "30", "/srv/work", "true", status=None)
        assert "systemd 254" in output
    run("systemctl", "restart", "luziad.service")
    assert is_active("luziad.service")


def a_member_of_the_group_reads_the_state_that_the_service_leaves_open() -> None:
    assert oct(os.stat("/var/lib/luzia").st_mode & 0o777) == "0o750"


def the_service_is_exposed_no_more_than_agents_need() -> None:
    overall = run("systemd-analyze", "security", "--no-pager", "luziad.service").splitlines()[-1]
    assert float(overall.partition(":")[2].split()[0]) <= 8.5, overall


def each_setting_that_is_not_restricted_is_explained_on_the_page() -> None:
    page = Path("/ci/service.md").read_text()
    listed = json.loads(run("systemd-analyze", "security", "--json=short", "luziad.service"))
    open_settings = {entry["json_field"].partition("_")[0].partition("Or")[0] for entry in listed if not entry["set"]}
    unexplained = {name for name in open_settings if f"`{name}=" not in page}
    assert unexplained == set()


def _try_a_client() -> bool:
    run("timeout", "0.2", "luzia", "jobs", status=None)
    return True


def _logged_by_a_restart(*options: str) -> list[str]:
    """What of this the journal has about the service from a restart of it."""
    run("journalctl", "--sync")
    cursor = run("journalctl", "--quiet", "--lines=1", "--output=cat", "--show-cursor").rpartition("-- cursor: ")[2]
    run("systemctl", "restart", "luziad.service")
    return journal("--quiet", f"--after-cursor={cursor.strip()}", *options).splitlines()
