"""The commands of the page "As a service", run as the page says: by alice, who may use sudo.

Other modules run those about packages, pip and containers.
"""

from __future__ import annotations

import json
from pathlib import Path

from checks import ANY, dispatch, follow, is_active, job, main_pid, run, wait_until

AGENT = """\
#!/bin/sh
if [ $# = 0 ]; then id --user --name >~/.claude-login; else cat ~/.claude-login; fi
"""
"""It logs in, or reads the login, in the home directory of its user."""


def a_service_of_your_own() -> None:
    follow("A service of your own", user="carol")
    assert run("systemctl", "--user", "is-active", "luziad.service", user="carol").strip() == "active"
    assert Path("/var/lib/systemd/linger/carol").exists()


def let_users_dispatch() -> None:
    run("luzia", "jobs", user="alice")  # it starts a daemon of hers
    follow("Let users dispatch")
    assert json.loads(run("luzia", "daemon", "status", "--json", user="alice"))["managed_by"] == "systemd"


def let_jobs_use_a_repository_of_yours() -> None:
    run("git", "init", "--quiet", "shop", user="alice")
    run("git", "-C", "shop", "config", "user.email", "alice@localhost", user="alice")
    run("git", "-C", "shop", "config", "user.name", "alice", user="alice")
    run("git", "-C", "shop", "commit", "--quiet", "--allow-empty", "--message", "first", user="alice")
    follow("Let jobs use a repository of yours")
    name = follow("Let jobs use a repository of yours", 2).splitlines()[-1].rpartition(":")[2]
    run("luzia", "wait", name, user="alice")
    assert job(name)["state"] == "completed"
    run("sh", "-c", "cd shop && git commit --quiet --allow-empty --message last", user="alice")
    assert run("git", "-C", "shop", "log", "--format=%s", user="alice").split("\n")[:2] == ["last", "from a job"]
    name = dispatch("touch new", "--worktree", user="alice", directory="/home/alice/shop")
    run("luzia", "wait", name, user="alice")
    for verb in ("diff", "merge"):
        told = run("luzia", verb, name, user="alice", status=None)
        assert "is not accessible to you" in told
        assert "sudo -u luzia -H luzia" in told
    follow("Let jobs use a repository of yours", 3)
    run("test", "-s", "shop/opened", user="alice")


def log_in_to_agents() -> None:
    agent = Path("/usr/local/bin/claude")
    agent.write_text(AGENT)
    agent.chmod(0o755)
    follow("Log in to agents")
    name = dispatch("claude job", user="alice")
    run("luzia", "wait", name, user="alice")
    assert run("luzia", "logs", name, user="alice") == "luzia\n"
    agent.unlink()


def start_stop_and_restart() -> None:
    before = main_pid()
    follow("Start, stop and restart")
    assert main_pid() not in ("0", before)


def after_an_error_in_the_configuration() -> None:
    config = Path("/etc/luzia/config.toml")
    good = config.read_text() if config.exists() else ""
    config.write_text("[daemon]\nmax_runing = 7\n")
    run("systemctl", "restart", "luziad.service", status=None)
    for _ in range(30):  # a client that tries again and again; systemd may give up, or start the service right now
        run("timeout", "0.1", "luzia", "jobs", status=None)
    config.write_text(good)
    follow("After an error in the configuration")
    wait_until(lambda: is_active("luziad.service"), "the service is active")


def watch_the_service() -> None:
    follow("Watch the service")


def remove_a_service_of_your_own() -> None:
    follow("Remove it", 3, user="carol")
    assert run("systemctl", "--user", "is-active", "luziad.socket", user="carol", status=ANY).strip() == "inactive"
    assert not list(Path("/home/carol/.config/systemd").rglob("luziad.*"))
