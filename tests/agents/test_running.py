"""Real agents do a task through luzia, and luzia understands what they did."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from luzia_protocol.activity import PlanItem
from luzia_protocol.jobs import JobState
from luzia_protocol.tracing import traceparent

from agents.real import RealAgent
from agents.stub.script import CLOSING, CONTENT, FILE

WRITES = {
    "claude": "Write",
    "codex": "edit",
    "opencode": "write",
    "vibe": "file_system.write_file",
    "gemini": "write_file",
    "copilot": "create",
    "qwen": "write_file",
    "pi": "write",
}

PLANNED = {"claude": (1, 1), "codex": (1, 2), "opencode": (1, 2), "vibe": (1, 2), "qwen": (1, 2)}
"""Steps that were done, of all. Claude Code makes one task with each call; only some models of Gemini have plans."""


def test_a_task_that_writes_a_file_is_completed_and_understood(agent: RealAgent) -> None:
    job = agent.ended(agent.dispatch("ok"))
    assert (job.state, job.reason, job.exit_code) == (JobState.COMPLETED, None, 0), agent.output(job.id)
    file = Path(agent.luzia.project) / FILE
    assert file.read_text() == CONTENT
    known = agent.understood(job)
    assert known.session
    assert known.last_message == CLOSING
    assert [Path(each).name for each in known.files] == [FILE]
    assert known.tools[WRITES[agent.name]] == 1
    assert (known.plan_done, known.plan_total) == PLANNED.get(agent.name, (None, None))
    assert PlanItem("Write hello.txt", "completed") in known.plan or not known.plan
    assert known.usage_limit is None
    assert known.noise_lines == 0


@pytest.mark.only("claude")
def test_what_an_agent_starts_finds_the_span_of_its_attempt(agent: RealAgent) -> None:
    job = agent.ended(agent.dispatch("trace"))
    assert job.state is JobState.COMPLETED, agent.output(job.id)
    assert (Path(agent.luzia.project) / "traceparent").read_text() == f"{traceparent(job.id, [], 1)}\n"


@pytest.mark.only("codex", "opencode", "claude")
def test_an_agent_commits_in_the_worktree_of_its_job(agent: RealAgent) -> None:
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", agent.luzia.project, *words], env=agent.luzia.env, check=True, capture_output=True, text=True
        ).stdout

    git("init", "-q", "-b", "main")
    git("config", "user.name", "A")
    git("config", "user.email", "a@b")
    git("commit", "-q", "--allow-empty", "-m", "Begin")
    job = agent.ended(agent.dispatch("commit", "--worktree"))
    assert job.state is JobState.COMPLETED, agent.output(job.id)
    assert job.worktree is not None
    assert git("log", "--format=%s", job.worktree.branch) == "Add a greeting\nBegin\n", agent.output(job.id)
    assert git("log", "--format=%s", "main") == "Begin\n"
