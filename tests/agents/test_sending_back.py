"""Work of a real agent is sent back: with comments on its lines, and with a conflict that it resolves."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from luzia_protocol.jobs import Job, JobState

from agents.real import RealAgent
from agents.test_sessions import one_conversation


def git(agent: RealAgent, *words: str) -> str:
    command = ["git", "-C", agent.luzia.project, *words]
    return subprocess.run(command, env=agent.luzia.env, check=True, capture_output=True, text=True).stdout


def committed(agent: RealAgent) -> Job:
    """A job whose agent has committed hello.txt in its worktree."""
    git(agent, "init", "-q", "-b", "main")
    git(agent, "config", "user.name", "A")
    git(agent, "config", "user.email", "a@b")
    git(agent, "commit", "-q", "--allow-empty", "-m", "Begin")
    job = agent.ended(agent.dispatch("commit", "--worktree"))
    assert job.state is JobState.COMPLETED, agent.output(job.id)
    return job


@pytest.mark.only("claude", "codex")
def test_comments_on_lines_continue_the_conversation_of_the_agent(agent: RealAgent) -> None:
    job = committed(agent)
    comment = "hello.txt:1=Greet the reader by name. stub:text"
    sent = agent.luzia.run("send", job.id, "Nearly good.", "--comment", comment)
    assert sent.returncode == 0, sent.stderr
    again = agent.ended(job.id)
    one_conversation(agent, again, "Nearly good.\n\nhello.txt:1\n> hi\nGreet the reader by name.")
    assert again.worktree == job.worktree


@pytest.mark.only("claude", "codex")
def test_the_agent_resolves_the_conflict_and_its_work_is_merged(agent: RealAgent) -> None:
    job = committed(agent)
    file = Path(agent.luzia.project, "hello.txt")
    file.write_text("something else\n")
    git(agent, "add", "hello.txt")
    git(agent, "commit", "-q", "-m", "Write hello.txt, too")
    assert "conflicts with main: hello.txt" in agent.luzia.run("merge", job.id).stderr.decode()
    sent = agent.luzia.run("send", job.id, "--conflict", "stub:resolve")
    assert sent.returncode == 0, sent.stderr
    again = agent.ended(job.id)
    one_conversation(agent, again, "- hello.txt")
    assert file.read_text() == "something else\n"
    merged = agent.luzia.run("merge", job.id)
    assert (merged.returncode, merged.stderr) == (0, b""), agent.output(job.id)
    assert file.read_text() == "hi\n"
