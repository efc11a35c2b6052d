"""The commands of the page "As a service", run as the page says: by alice, who may use sudo."""

from __future__ import annotations

import re
from pathlib import Path

from checks import is_active, job, main_pid, run, wait_until

SECTIONS = {
    title: "".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    for title, _, text in (part.partition("\n") for part in Path("/ci/service.md").read_text().split("\n## "))
}
"""The shell commands of each section of the page."""


def a_service_of_your_own() -> None:
    _follow("A service of your own", user="carol")
    assert run("systemctl", "--user", "is-active", "luziad.service", user="carol").strip() == "active"
    assert Path("/var/lib/systemd/linger/carol").exists()


def let_users_dispatch() -> None:
    _follow("Let users dispatch")
    run("luzia", "jobs", user="alice")


def let_jobs_use_a_repository_of_yours() -> None:
    run("git", "init", "--quiet", "shop", user="alice")
    run("git", "-C", "shop", "config", "user.email", "alice@localhost", user="alice")
    run("git", "-C", "shop", "config", "user.name", "alice", user="alice")
    run("git", "-C", "shop", "commit", "--quiet", "--allow-empty", "--message", "first", user="alice")
    name = _follow("Let jobs use a repository of yours").splitlines()[-1].rpartition(":")[2]
    run("luzia", "wait", name, user="alice")
    assert job(name)["state"] == "completed"
    run("sh", "-c", "cd shop && git commit --quiet --allow-empty --message last", user="alice")
    assert run("git", "-C", "shop", "log", "--format=%s", user="alice").split("\n")[:2] == ["last", "from a job"]


def start_stop_and_restart() -> None:
    before = main_pid()
    _follow("Start, stop and restart")
    assert main_pid() not in ("0", before)


def after_an_error_in_the_configuration() -> None:
    config = Path("/etc/luzia/config.toml")
    good = config.read_text() if config.exists() else ""
    config.write_text("[daemon]\nmax_runing = 7\n")
    run("systemctl", "restart", "luziad.service", status=None)
    for _ in range(30):  # a client that tries again and again; systemd may give up, or start the service right now
        run("timeout", "0.1", "luzia", "jobs", status=None)
    config.write_text(good)
    _follow("After an error in the configuration")
    wait_until(lambda: is_active("luziad.service"), "the service is active")


def watch_the_service() -> None:
    _follow("Watch the service")


def every_command_of_the_page_has_been_run() -> None:
    run_above = {name.replace("_", " ") for name in globals() if not name.startswith("_")}
    titles = {re.sub(r"[^a-z ]", "", title.lower()) for title, commands in SECTIONS.items() if commands}
    assert titles <= run_above, titles - run_above


def _follow(title: str, user: str = "alice") -> str:
    """Run the commands of a section in a login shell, each of which must succeed."""
    return run("bash", "-euc", SECTIONS[title], user=user, timeout=60)
