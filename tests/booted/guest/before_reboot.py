"""What is left for the next boot: jobs that run, wait for a time or another job, and a schedule."""

from __future__ import annotations

import time
from pathlib import Path

from checks import DEADLINE_S, dispatch, job, run, wait_until

SOON_S = int(DEADLINE_S / 10)
"""Later than the shutdown."""


AGENT = """
[agents.bot]
command = ["sh", "/srv/work/bot", "--session={session}"]
prompt = "none"
reader = "jsonl"
[agents.bot.jsonl]
session = "session"
success = "done"
"""
BOT = """
echo "$@" >>/srv/work/bot.started
echo '{"session": "s1"}'
[ -n "$1" ] || sleep 300
echo '{"done": true}'
"""
"""An agent that works until the reboot, and ends at once when it resumes its session."""


def an_agent_with_a_session_is_left_for_the_next_boot() -> None:
    Path("/srv/work/bot").write_text(BOT)
    with Path("/etc/luzia/config.toml").open("a") as config:
        config.write(AGENT)
    run("systemctl", "reload", "luziad.service")
    name = dispatch("work", "--retries", "1", "--backoff", "1ms..1ms", agent="bot")
    wait_until(lambda: (job(name).get("activity") or {}).get("session"), "its session is known")
    Path("/var/lib/left-agent").write_text(name)


def jobs_are_left_for_the_next_boot() -> None:
    again = "[ $LUZIA_ATTEMPT = 2 ] || sleep 300"
    ids = [dispatch(again, "--retries", "1", "--backoff", "1ms..1ms") for _ in range(3)]
    wait_until(lambda: all(job(name)["state"] == "running" for name in ids), "the jobs run")
    Path("/var/lib/left-running").write_text("\n".join(ids))
    dispatch("touch /srv/work/later", "--in", f"{SOON_S}s")
    dispatch("touch /srv/work/queued", "--after", ids[0])
    soon = time.gmtime(time.time() + SOON_S)
    where = ("--project", "/srv/work", "--agent", "shell")
    cron = f"{soon.tm_sec} {soon.tm_min} {soon.tm_hour} * * *"
    run("luzia", "schedule", "add", "soon", "--timezone", "UTC", "--cron", cron, *where, "touch /srv/work/scheduled")
