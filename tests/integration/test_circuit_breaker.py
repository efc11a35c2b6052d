"""An agent that fails at once because of its account does not take the whole queue with it, over a real daemon."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.fake_agent import AgentDaemon, ended_job
from support import Connection, eventually, private_daemon, status

WORDS = "Your organization has used its monthly credits on this plan"


class Luzia(AgentDaemon):
    """A daemon with an agent whose account can be out of credits."""

    def break_account(self) -> None:
        (self.bin / "broke").write_text(WORDS)

    def mend_account(self) -> None:
        (self.bin / "broke").unlink()


@pytest.fixture
def luzia() -> Iterator[Luzia]:
    with private_daemon("[daemon]\nmax_running = 1\n") as daemon:
        yield Luzia(daemon)


@pytest.fixture
def wire(luzia: Luzia) -> Iterator[Connection]:
    with luzia.daemon.connect() as connection:
        yield connection


def states(wire: Connection, jobs: list[str]) -> list[str]:
    return [status(wire, job)["state"] for job in jobs]


def reason(wire: Connection, job: str) -> str:
    return status(wire, job)["reason"] or ""


def test_a_failure_that_names_credits_holds_the_queue_until_the_user_resumes_the_agent(
    luzia: Luzia, wire: Connection
) -> None:
    luzia.break_account()
    first, *others = [luzia.dispatch(wire) for _ in range(4)]
    assert (ended_job(wire, first)["state"], WORDS in reason(wire, first)) == ("failed", True)
    assert states(wire, others) == ["queued"] * 3
    for job in others:
        assert "claude is held: " in reason(wire, job)
        assert WORDS in reason(wire, job)
        assert "resume it with `luzia resume --agent claude`" in reason(wire, job)
    assert list(wire.ok(op="info")["held_agents"]) == ["claude"]
    assert ended_job(wire, luzia.dispatch(wire, "true", agent="shell"))["state"] == "completed"
    luzia.mend_account()
    resumed = wire.ok(op="resume_agent", agent="claude")
    assert sorted(resumed["jobs"]) == sorted(others)
    assert [ended_job(wire, job)["state"] for job in others] == ["completed"] * 3
    assert wire.ok(op="info")["held_agents"] == {}


def test_after_a_resume_one_job_is_tried_before_the_others_start() -> None:
    with private_daemon("[daemon]\nmax_running = 4\n") as daemon, daemon.connect() as wire:
        luzia = Luzia(daemon)
        luzia.break_account()
        ended_job(wire, luzia.dispatch(wire))
        others = [luzia.dispatch(wire) for _ in range(3)]
        wire.ok(op="resume_agent", agent="claude")
        eventually(lambda: sorted(states(wire, others)) == ["failed", "queued", "queued"])
        queued = [job for job in others if status(wire, job)["state"] == "queued"]
        assert all("is held: " in reason(wire, job) for job in queued)


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_the_agent_is_still_held_after_a_restart_of_the_daemon(luzia: Luzia, how: str) -> None:
    luzia.break_account()
    with luzia.daemon.connect() as wire:
        ended_job(wire, luzia.dispatch(wire))
        waiting = luzia.dispatch(wire)
        assert "claude is held: " in reason(wire, waiting)
    luzia.daemon.kill() if how == "kill" else luzia.daemon.stop()
    luzia.daemon.start()
    with luzia.daemon.connect() as wire:
        assert "claude is held: " in reason(wire, waiting)
        assert WORDS in reason(wire, waiting)


def test_a_job_that_the_user_starts_at_once_passes_and_its_success_frees_the_others(
    luzia: Luzia, wire: Connection
) -> None:
    luzia.break_account()
    ended_job(wire, luzia.dispatch(wire))
    first, second = luzia.dispatch(wire), luzia.dispatch(wire)
    luzia.mend_account()
    wire.ok(op="retry", job=first)
    assert ended_job(wire, first)["state"] == "completed"
    assert ended_job(wire, second)["state"] == "completed"


def test_other_failures_hold_nothing(luzia: Luzia, wire: Connection) -> None:
    assert ended_job(wire, luzia.dispatch(wire, "fail"))["state"] == "failed"
    assert ended_job(wire, luzia.dispatch(wire))["state"] == "completed"


def test_an_unknown_agent_cannot_be_resumed(wire: Connection) -> None:
    assert wire.error(op="resume_agent", agent="nosuch")["code"] == "unknown_agent"


def test_the_command_line_resumes_an_agent(luzia: Luzia, wire: Connection) -> None:
    luzia.break_account()
    ended_job(wire, luzia.dispatch(wire))
    waiting = luzia.dispatch(wire)
    luzia.mend_account()
    done = luzia.daemon.run("resume", "--agent", "claude")
    assert (done.returncode, done.stdout) == (0, f"agent claude  resumed\n{waiting}  resumed\n")
    assert ended_job(wire, waiting)["state"] == "completed"
    refused = luzia.daemon.run("resume", "--agent", "claude", "--all")
    assert refused.returncode == 2
