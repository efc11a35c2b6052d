"""A conversation with a real agent goes on where it was."""

from __future__ import annotations

import json

import pytest

from luzia_protocol.jobs import JobState

from agents.real import RealAgent

AGAIN = {
    "claude": "claude -p --verbose --output-format=stream-json --resume={session}",
    "codex": "codex exec --json --skip-git-repo-check -s workspace-write resume {session} -",
    "opencode": "opencode run --format json -s {session}",
}


@pytest.mark.only(*AGAIN)
def test_the_session_that_luzia_read_is_the_one_to_go_on_with(agent: RealAgent) -> None:
    first = agent.understood(agent.ended(agent.dispatch("ok")))
    command = AGAIN[agent.name].format(session=first.session).split()
    agent.configure(f'[agents.again]\ncommand = {json.dumps(command)}\nprompt = "stdin"\nreader = "{agent.name}"\n')
    job = agent.ended(agent.dispatch("text", "--agent=again"))
    assert job.state is JobState.COMPLETED, agent.output(job.id)
    assert agent.understood(job).session == first.session
    said = next(asked.prompts for asked in reversed(agent.model.heard) if asked.tools)
    assert any("stub:ok" in prompt for prompt in said), "the model was told nothing of what was before"
