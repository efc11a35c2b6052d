"""A user's own service, whose manager runs without a session because the user lingers."""

from __future__ import annotations

from checks import ANY, dispatch, job, run, wait_until

UNITS = ("luziad.socket", "luziad.service")


def a_user_installs_a_service_by_one_command() -> None:
    run("loginctl", "enable-linger", "bob")
    run("systemctl", "start", f"user@{run('id', '--user', 'bob').strip()}.service")
    run("luzia", "daemon", "install-service", "--user", user="bob")
    for name in UNITS:
        assert run("systemctl", "--user", "is-active", name, user="bob").strip() == "active"
        assert run("systemctl", "--user", "is-enabled", name, user="bob").strip() == "enabled"


def a_job_continues_while_the_service_restarts_even_if_a_limit_was_asked_for() -> None:
    name = dispatch("sleep 300", user="bob", directory="/tmp")
    wait_until(lambda: job(name, "bob")["state"] == "running", "the job runs")
    options = ("--agent", "shell", "--max-processes", "30")
    run("luzia", "dispatch", *options, "/tmp", "true", user="bob", status=ANY)
    for _ in range(2):
        run("systemctl", "--user", "restart", "luziad.service", user="bob")
    assert job(name, "bob")["state"] == "running"
    run("luzia", "cancel", name, user="bob")


def doctor_warns_of_a_logout_that_would_end_the_jobs() -> None:
    assert "continue when you log out" in run("luzia", "doctor", user="bob", status=ANY)
    run("rm", "/var/lib/systemd/linger/bob")
    output = run("luzia", "doctor", user="bob", status=ANY)
    assert "systemd kills luziad and all jobs when you log out" in output
    assert "sudo loginctl enable-linger" in output
    run("touch", "/var/lib/systemd/linger/bob")


def a_stopped_service_is_not_replaced_by_a_daemon_of_a_command() -> None:
    run("luzia", "daemon", "stop", user="bob")
    assert "systemctl --user start luziad.socket luziad.service" in run("luzia", "jobs", user="bob", status=None)
    run("luzia", "daemon", "start", user="bob")
    run("luzia", "jobs", user="bob")
