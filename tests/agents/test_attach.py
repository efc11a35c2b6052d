"""A user takes over the conversation of a real agent in its own interface, and gives it back."""

from __future__ import annotations

import time

import pytest

from luzia_protocol.jobs import JobState

from agents.real import TASK, RealAgent, until
from terminal import Terminal, terminal

OFFER = "Use existing model"
"""Codex offers a newer model before it opens."""
TOO_SLOW = "timed out discarding buffered terminal input"
"""What Codex says when it ends because the terminal has not answered it in time, as on a busy machine."""
SAID = "What have you done? stub:text"


class _Opening:
    """Whether the conversation is on the screen; an offer before it is declined, again if the keys were dropped."""

    def __init__(self) -> None:
        self._declined_at = 0.0

    def __call__(self, screen: Terminal) -> bool:
        if OFFER in screen.text and time.monotonic() > self._declined_at + 2:
            self._declined_at = time.monotonic()
            screen.type("2\r")
        return TASK[:30] in screen.text


def _visit(agent: RealAgent, job: str) -> bool:
    """Attach, say something in the terminal, and detach; False when the agent has given its terminal up."""
    opening = _Opening()
    command = agent.luzia.command("attach", job)
    with terminal(command, agent.luzia.env, agent.luzia.project, 120, 40) as screen:
        screen.until(lambda now: opening(now) or TOO_SLOW in now.text, "the conversation so far")
        if TOO_SLOW in screen.text:
            screen.ended()
            return False
        screen.type(SAID)
        screen.shows("What have you done?")
        screen.press("enter")
        until(lambda: any(SAID in asked.prompts for asked in agent.model.heard), "the model was asked in the terminal")
        detached = agent.luzia.run("detach", job)
        assert detached.returncode == 0, detached.stderr
        screen.ended()
        assert screen.is_as_before()
    return True


@pytest.mark.only("claude", "codex")
def test_the_agents_own_interface_opens_on_the_conversation_which_continues_in_the_background(agent: RealAgent) -> None:
    job = agent.ended(agent.dispatch("text"))
    assert job.activity is not None
    agent.know_the_project()
    visits = 1
    while not _visit(agent, job.id) and visits < 5:
        visits += 1
    after = agent.ended(job.id)
    assert (after.state, after.attempt) == (JobState.COMPLETED, visits + 2), agent.output(job.id)
    first, *_, visit, last = after.attempts
    assert visit.attached is not None
    assert first.activity is not None
    assert visit.session == last.session == first.activity.session
    if agent.name == "codex":  # Claude Code notes it only when the user ends it
        assert visit.activity is not None
        assert visit.activity.tokens_in
        assert visit.activity.tokens_out
    prompts = "\n".join(next(asked.prompts for asked in reversed(agent.model.heard) if asked.tools))
    assert [words for words in (TASK, SAID) if words not in prompts] == []
