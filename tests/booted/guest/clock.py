"""The clock of the machine is set back, which only a virtual machine permits."""

from __future__ import annotations

from checks import dispatch, job, main_pid, run, wait_until


def a_clock_that_is_set_back_delays_no_job_and_ends_none() -> None:
    running, soon = dispatch("sleep 600"), dispatch("true", "--in", "10s")
    wait_until(lambda: job(running)["state"] == "running", "the job runs")
    before = main_pid()
    run("date", "--set", "-1 hour")
    run("luzia", "wait", soon)
    assert (job(running)["state"], main_pid()) == ("running", before)
    run("date", "--set", "+1 hour")
    run("systemctl", "restart", "luziad.service")
    assert job(running)["state"] == "running"
    run("luzia", "cancel", running)
