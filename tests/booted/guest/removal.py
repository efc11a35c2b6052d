"""The package is upgraded while a job runs, removed and purged."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from checks import ANY, dispatch, follow, install, is_active, job, main_pid, processes_of, run, wait_until

UNITS = ("luziad.socket", "luziad.service")
CLIENTS = ("luzia-web.service", "luzia-metrics.service")
"""Units of optional clients that bob uses; luzia-notify.service needs a configuration."""
SECRET = "a-secret-of-the-configuration"


def an_upgrade_restarts_the_daemons_and_disturbs_no_job() -> None:
    services = (("root", "/srv/work"), ("bob", "/home/bob"))
    names = {user: dispatch("sleep 300", user=user, directory=directory) for user, directory in services}
    wait_until(lambda: _states(names) == ["running", "running"], "the jobs run")
    run("systemctl", "--user", "start", *CLIENTS, user="bob")
    before = _processes()
    install("luzia_99.*.deb")
    after = _processes()
    assert not set(before) & set(after), (before, after)
    assert _states(names) == ["running", "running"]


def an_upgrade_keeps_a_clients_unit_disabled_or_enabled_as_it_was() -> None:
    states = [
        run("systemctl", "--user", "is-enabled", name, user="bob", status=ANY).strip()
        for name in ("luzia-web.socket", "luzia-notify.service", "luziad.service")
    ]
    assert states == ["disabled", "disabled", "enabled"]


def an_upgrade_leaves_a_stopped_and_disabled_service_as_it_is() -> None:
    run("systemctl", "disable", "--now", *UNITS)
    script = ("/var/lib/dpkg/info/luzia.postinst", "configure", "0.0.1")  # what an upgrade runs
    run("env", "DPKG_MAINTSCRIPT_PACKAGE=luzia", "DPKG_MAINTSCRIPT_NAME=postinst", *script)
    assert not is_active("luziad.service")
    assert run("systemctl", "is-enabled", "luziad.service", status=None).strip() == "disabled"
    run("systemctl", "enable", "--now", *UNITS)


def a_removal_leaves_no_process_and_no_file_but_the_state() -> None:
    Path("/etc/luzia/config.toml").write_text(f'[projects.work]\npath = "/srv/work"\nenv = {{ KEY = "{SECRET}" }}\n')
    run("systemctl", "reload", "luziad.service")
    name = dispatch("echo $KEY; echo $KEY >~/login")
    run("luzia", "wait", name)
    assert run("luzia", "logs", name).strip() == SECRET
    follow("Remove it", input="y\n")
    assert not is_active("luziad.service")
    wait_until(lambda: processes_of("luzia") == [], "no process is left")
    for name in (*UNITS, *CLIENTS):
        assert run("systemctl", "--user", "is-active", name, user="bob", status=None).strip() in ("inactive", "failed")
        assert not os.path.exists(f"/usr/lib/systemd/user/{name}")
    run("systemctl", "--user", "disable", *UNITS, user="bob")
    assert not os.path.exists("/run/luzia")
    assert not os.path.exists("/usr/lib/luzia")
    assert not os.path.exists("/usr/bin/luzia")
    assert os.path.exists("/etc/luzia/config.toml")


def a_purge_keeps_no_secret() -> None:
    follow("Remove it", 2, input="y\n")
    for path in ("/etc/luzia", "/var/lib/luzia", "/run/luzia"):
        assert not os.path.exists(path), path
    places = ("/etc", "/home", "/root", "/run", "/srv", "/tmp", "/var")
    assert run("grep", "--recursive", "--files-with-matches", "--devices=skip", SECRET, *places, status=ANY) == ""
    wants = Path("/etc/systemd/system").rglob("luziad.*")
    assert list(wants) == []


def _states(names: Mapping[str, str]) -> list[str]:
    """The states of jobs, each of a user."""
    return [job(name, user)["state"] for user, name in names.items()]


def _processes() -> list[str]:
    """The process ids of the system's daemon, bob's and those of his clients."""
    of_bob = [
        run("systemctl", "--user", "show", "--value", "--property=MainPID", name, user="bob").strip()
        for name in ("luziad.service", *CLIENTS)
    ]
    found = [main_pid(), *of_bob]
    assert "0" not in found, found
    return found
