"""Limits of jobs where cgroups have controllers, in the system service and in that of a user."""

from __future__ import annotations

from pathlib import Path

from checks import ANY, daemon_of, dispatch, job, manager_of, run, systemd_version, wait_until

SERVICES = (("root", "/srv/work"), ("bob", "/home/bob"))
"""Whose client dispatches, which selects the service, and where."""
HAS_CONTROLLERS = systemd_version() >= 254
"""Whether systemd puts the daemon into a cgroup of its own, so that others may have controllers."""
FORKS = "for each in $(seq 40); do sleep 300 & done"
BURNS = """
group=/sys/fs/cgroup$(sed s/^0::// /proc/self/cgroup)
until grep -q 'nr_throttled [1-9]' $group/cpu.stat; do :; done
cat $group/cpu.max
"""
ALLOCATES = "python3 -c 'b\"x\" * (300 << 20)'"
HOLDS = 'exec python3 -c \'import signal; held = b"x" * (300 << 20); print("holds", flush=True); signal.pause()\''


def doctor_says_which_limits_are_enforced() -> None:
    holds = "limits on memory, processes and CPU are enforced" if HAS_CONTROLLERS else "need systemd 254 or newer"
    for user, _ in SERVICES:
        assert holds in run("luzia", "doctor", user=user, status=ANY)


def a_limit_on_processes_holds_or_is_refused_with_the_reason() -> None:
    for user, directory in SERVICES:
        if HAS_CONTROLLERS:
            ended, output = _run(FORKS, user, directory, "--max-processes", "30")
            assert ended["state"] == "failed"
            assert "fork" in output
        else:
            _refuse(user, directory, "--max-processes", "30")


def a_limit_on_cpus_holds_or_is_refused_with_the_reason() -> None:
    for user, directory in SERVICES:
        if HAS_CONTROLLERS:
            assert _run(BURNS, user, directory, "--max-cpus", "0.5")[1] == "50000 100000\n"
        else:
            _refuse(user, directory, "--max-cpus", "0.5")


def a_job_above_its_memory_limit_fails_alone_and_says_so() -> None:
    for user, directory in SERVICES:
        before, other = daemon_of(user), dispatch("sleep 600", user=user, directory=directory)
        ended, output = _run(ALLOCATES, user, directory, "--max-memory", "100M")
        assert ended["state"] == "failed"
        if HAS_CONTROLLERS:
            assert ended["reason"] == "killed by its memory limit of 100 MiB"
        else:
            assert "MemoryError" in output
        assert daemon_of(user) == before
        _wait_until_running(other, user)
        run("luzia", "cancel", other, user=user)


def both_services_restart_while_a_job_with_limits_runs() -> None:
    options = ("--max-memory", "200M", *(("--max-processes", "30", "--max-cpus", "0.5") if HAS_CONTROLLERS else ()))
    for user, directory in SERVICES:
        name = dispatch(
            f"until [ -e {directory}/go ]; do sleep 0.2; done; exit 7", *options, user=user, directory=directory
        )
        _wait_until_running(name, user)
        for _ in range(2):
            before = daemon_of(user)
            run("systemctl", *manager_of(user), "restart", "luziad.service", user=user)
            assert before != daemon_of(user)
        assert job(name, user)["state"] == "running"
        run("touch", f"{directory}/go")
        run("luzia", "wait", name, user=user, status=ANY)
        assert job(name, user)["exit_code"] == 7


def a_machine_that_is_out_of_memory_loses_the_job_and_not_the_daemon() -> None:
    for user, directory in SERVICES:
        before, other = daemon_of(user), dispatch("sleep 600", user=user, directory=directory)
        name = dispatch(HOLDS, user=user, directory=directory)
        _wait_for_output(name, user)
        Path("/proc/sysrq-trigger").write_text("f")  # the kernel acts as if no memory were left
        run("luzia", "wait", name, user=user, status=ANY)
        ended = job(name, user)
        assert (ended["state"], ended["signal"]) == ("failed", "SIGKILL"), ended
        assert daemon_of(user) == before
        _wait_until_running(other, user)
        run("luzia", "cancel", other, user=user)


def _run(task: str, user: str, directory: str, *options: str) -> tuple[dict[str, object], str]:
    """Dispatch a task and wait for its end; returns the job and its output."""
    name = dispatch(task, *options, user=user, directory=directory)
    run("luzia", "wait", name, user=user, status=ANY)
    return job(name, user), run("luzia", "logs", name, user=user)


def _wait_for_output(name: str, user: str) -> None:
    wait_until(lambda: "holds" in run("luzia", "logs", name, user=user), "it holds memory")


def _wait_until_running(name: str, user: str) -> None:
    wait_until(lambda: job(name, user)["state"] == "running", "the job runs")


def _refuse(user: str, directory: str, *options: str) -> None:
    words = ("luzia", "dispatch", "--agent", "shell", *options, directory, "true")
    assert "need systemd 254 or newer" in run(*words, user=user, status=None)
