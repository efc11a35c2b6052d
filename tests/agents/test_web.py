"""A person answers, reviews, sends back and merges the work of a real agent in the web page."""

from __future__ import annotations

from pathlib import Path

import pytest

from luzia_protocol.jobs import JobState

from agents.real import WAIT_S, RealAgent
from agents.stub.script import FILE
from git_projects import Repository
from web_server import Screen, chromium, web_server

WORDS = "Tell once more what you did. stub:text"


@pytest.mark.only("claude")
def test_a_permission_is_given_and_the_work_is_sent_back_and_merged(agent: RealAgent) -> None:
    agent.ask_first()
    project = Repository(Path(agent.luzia.project), Path(agent.luzia.root) / "home").init()
    job = agent.dispatch("ok", "--worktree")
    with (
        chromium() as browser,
        web_server(agent.luzia) as server,
        Screen.opened(browser, server) as screen,
    ):
        page = screen.page
        page.set_default_timeout(WAIT_S * 1000)
        question = page.locator(f".entry:has(code:text('{job}')) .question")
        question.wait_for()
        assert "Write" in question.locator(".question-text").inner_text()
        assert question.locator(".question-detail").inner_text().endswith(f"/{FILE}")
        assert question.locator(".diff-line.added").inner_text() == "+hi"
        question.locator("button:has-text('Allow')").click()
        screen.go(f"#/job/{job}/changes")
        page.wait_for_selector("[data-testid='state']:has-text('completed')")
        assert page.inner_text(f".file:has-text('{FILE}') .diff-line.added") == "+hi"
        assert not (project.root / FILE).exists()
        page.fill("[aria-label='What to change']", WORDS)
        page.click("button:has-text('Send back')")
        page.wait_for_selector("text=attempt 2")
        page.wait_for_selector("[data-testid='state']:has-text('completed')")
        page.click("button:has-text('Merge into main')")
        page.wait_for_selector(".toast:has-text('Merged 1 commit into main')")
    found = agent.client.get_job(job)
    first, second = found.attempts
    assert found.state is JobState.COMPLETED
    assert first.activity is not None
    assert first.activity.session == second.session
    assert WORDS in "\n".join(next(asked.prompts for asked in reversed(agent.model.heard) if asked.tools))
    assert (project.root / FILE).read_text() == "hi\n"
