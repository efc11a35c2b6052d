"""systemd-oomd kills a job while memory is low, and what remains of the service."""

from __future__ import annotations

from pathlib import Path

from checks import ANY, daemon_of, dispatch, job, run

THRASHES = """
exec python3 -c '
import mmap
with open("big", "w+b") as file:
    file.truncate(400 << 20)
    pages = mmap.mmap(file.fileno(), 0)
while True:
    for offset in range(0, 400 << 20, 4096):
        pages[offset]
'
"""
"""Reads more than its memory limit again and again, so that the kernel takes pages away all the time."""


def a_job_that_systemd_oomd_kills_says_so_and_the_daemon_and_other_jobs_continue() -> None:
    settings = Path("/etc/systemd/oomd.conf.d/ci.conf")
    settings.parent.mkdir()
    settings.write_text("[OOM]\nDefaultMemoryPressureDurationSec=1s\n")
    run("systemctl", "restart", "systemd-oomd.service")
    uid = run("id", "--user", "bob").strip()
    services = (("root", "/srv/work", "luziad.service"), ("bob", "/home/bob", f"user@{uid}.service"))
    for user, directory, monitored in services:
        watched = ("ManagedOOMMemoryPressure=kill", "ManagedOOMMemoryPressureLimit=1%")
        run("systemctl", "set-property", "--runtime", monitored, *watched)
        before, other = daemon_of(user), dispatch("sleep 600", user=user, directory=directory)
        name = dispatch(THRASHES, "--max-memory", "64M", user=user, directory=directory)
        try:
            run("luzia", "wait", name, user=user, status=ANY)
        except Exception:
            print(run("oomctl", status=ANY), flush=True)
            raise
        assert job(name, user)["reason"] == "killed by systemd-oomd: memory was low", job(name, user)
        assert daemon_of(user) == before
        assert job(other, user)["state"] == "running"
        run("luzia", "cancel", other, user=user)
        run("systemctl", "set-property", "--runtime", monitored, "ManagedOOMMemoryPressure=auto")
