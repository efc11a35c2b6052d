"""What is left for the next boot: jobs that run, wait for a time or another job, and a schedule."""

from __future__ import annotations

import time
from pathlib import Path

from checks import dispatch, job, run, wait_until


def jobs_are_left_for_the_next_boot() -> None:
    again = "[ $LUZIA_ATTEMPT = 2 ] || sleep 300"
    ids = [dispatch(again, "--retries", "1", "--backoff", "1ms..1ms") for _ in range(3)]
    wait_until(lambda: all(job(name)["state"] == "running" for name in ids), "the jobs run")
    Path("/var/lib/left-running").write_text("\n".join(ids))
    dispatch("touch /srv/work/later", "--in", "5s")
    dispatch("touch /srv/work/queued", "--after", ids[0])
    soon = time.gmtime(time.time() + 6)
    where = ("--project", "/srv/work", "--agent", "shell")
    cron = f"{soon.tm_sec} {soon.tm_min} {soon.tm_hour} * * *"
    run("luzia", "schedule", "add", "soon", "--timezone", "UTC", "--cron", cron, *where, "touch /srv/work/scheduled")
