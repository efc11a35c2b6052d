"""Real agents race: the same task for Claude Code and Codex, each in its own worktree from the same commit."""

from __future__ import annotations

import json
import subprocess

import pytest

from luzia_protocol.jobs import JobState, Review

from agents import programs
from agents.real import RealAgent
from agents.setups import lead_to
from agents.stub.script import FILE


@pytest.mark.only("claude")
def test_claude_code_and_codex_do_the_same_task_and_one_of_them_wins(agent: RealAgent) -> None:
    luzia = agent.luzia

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", luzia.project, *words], env=luzia.env, check=True, capture_output=True, text=True
        ).stdout

    try:
        luzia.env["PATH"] = f"{programs.bin_directory('codex')}:{luzia.env['PATH']}"
    except programs.CannotInstallError as exc:
        pytest.fail(str(exc), pytrace=False)
    variables = lead_to("codex", agent.model.url, agent.home)
    given = lead_to("claude", agent.model.url, agent.home)
    lines = [f'{name} = "{value}"' for name, value in variables.items() if name not in given]
    agent.configure("grace_s = 5\n", f'grace_s = 5\nverify = "test -s {FILE}"\n', "\n".join(lines) + "\n")
    for words in (("init", "-q", "-b", "main"), ("config", "user.name", "A"), ("config", "user.email", "a@b")):
        git(*words)
    git("commit", "-q", "--allow-empty", "-m", "Begin")
    started = luzia.run("race", "--json", "real", "--agents", "claude,codex", "Write a file hello.txt. stub:commit")
    assert started.returncode == 0, started.stderr
    jobs = {name: agent.ended(job) for name, job in json.loads(started.stdout)["jobs"].items()}
    race = json.loads(started.stdout)["race"]
    racers = [jobs[f"race-{race}-{name}"] for name in ("claude", "codex")]
    assert [each.state for each in racers] == [JobState.COMPLETED] * 2, [agent.output(each.id) for each in racers]
    assert len({each.worktree.base for each in racers if each.worktree is not None}) == 1
    report = json.loads(luzia.run("races", "--json", race).stdout)["racers"]
    assert [(each["agent"], each["verified"], each["files"]) for each in report] == [
        ("claude", True, 1),
        ("codex", True, 1),
    ]
    merged = luzia.run("merge", "--yes", racers[1].id)
    assert merged.returncode == 0, merged.stderr
    assert git("log", "--format=%s", "main") == "Add a greeting\nBegin\n"
    assert agent.client.get_job(racers[0].id).review is Review.REJECTED
    assert agent.client.get_job(racers[1].id).review is Review.ACCEPTED
