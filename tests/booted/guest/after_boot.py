"""What the daemon does after a boot before any client comes."""

from __future__ import annotations

from pathlib import Path

from checks import job, run, wait_until


def what_was_planned_runs_after_a_boot_without_a_client() -> None:
    for name in ("later", "queued", "scheduled"):
        wait_until(Path("/srv/work", name).exists, name)


def jobs_that_a_reboot_interrupted_are_retried() -> None:
    for name in Path("/var/lib/left-running").read_text().split():
        run("luzia", "wait", name)
        first, second = job(name)["attempts"]
        assert (first["outcome"], second["outcome"]) == ("lost", "completed")
        assert first["reason"] == "the machine was shut down while it ran"


def an_agent_that_a_reboot_interrupted_resumes_its_session() -> None:
    name = Path("/var/lib/left-agent").read_text()
    run("luzia", "wait", name)
    assert [each["outcome"] for each in job(name)["attempts"]] == ["lost", "completed"]
    assert Path("/srv/work/bot.started").read_text() == "\n--session=s1\n"


def a_users_service_runs_again_after_the_boot() -> None:
    assert run("systemctl", "--user", "is-active", "luziad.service", user="bob").strip() == "active"
