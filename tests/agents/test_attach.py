"""A user takes over the conversation of a real agent in its own interface, and gives it back."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from luzia_protocol.jobs import JobState

from agents.real import TASK, RealAgent, until
from terminal import Terminal, terminal

OFFER = "Use existing model"
"""Codex offers a newer model before it opens."""
SAID = "What have you done? stub:text"


def _know_the_project(agent: RealAgent) -> None:
    """Spare Claude Code the questions of its first start."""
    known = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
    first = {"hasCompletedOnboarding": True, "theme": "dark", "projects": {agent.luzia.project: known}}
    file = Path(agent.luzia.env["HOME"]) / ".claude.json"
    there = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(there | first))


class _Opening:
    """Whether the conversation is on the screen; an offer before it is declined, again if the keys were dropped."""

    def __init__(self) -> None:
        self._declined_at = 0.0

    def __call__(self, screen: Terminal) -> bool:
        if OFFER in screen.text and time.monotonic() > self._declined_at + 2:
            self._declined_at = time.monotonic()
            screen.type("2\r")
        return TASK[:30] in screen.text


@pytest.mark.only("claude", "codex")
def test_the_agents_own_interface_opens_on_the_conversation_which_continues_in_the_background(agent: RealAgent) -> None:
    job = agent.ended(agent.dispatch("text"))
    assert job.activity is not None
    _know_the_project(agent)
    command = agent.luzia.command("attach", job.id)
    with terminal(command, agent.luzia.env, agent.luzia.project, 120, 40) as screen:
        screen.until(_Opening(), "the conversation so far")
        screen.type(SAID)
        screen.shows("What have you done?")
        screen.press("enter")
        until(lambda: any(SAID in asked.prompts for asked in agent.model.heard), "the model was asked in the terminal")
        detached = agent.luzia.run("detach", job.id)
        assert detached.returncode == 0, detached.stderr
        screen.ended()
        assert screen.is_as_before()
    after = agent.ended(job.id)
    assert (after.state, after.attempt) == (JobState.COMPLETED, 3), agent.output(job.id)
    first, visit, last = after.attempts
    assert visit.attached is not None
    assert first.activity is not None
    assert visit.session == last.session == first.activity.session
    prompts = "\n".join(next(asked.prompts for asked in reversed(agent.model.heard) if asked.tools))
    assert [words for words in (TASK, SAID) if words not in prompts] == []
