"""Usage limits, overloads and conversations, with a program that prints what an agent would."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from integration.fake_agent import AgentDaemon, ended_job
from support import Connection, eventually, private_daemon, status


@pytest.fixture
def luzia() -> Iterator[AgentDaemon]:
    with private_daemon("[daemon]\nmax_running = 4\n") as daemon:
        yield AgentDaemon(daemon)


@pytest.fixture
def wire(luzia: AgentDaemon) -> Iterator[Connection]:
    with luzia.daemon.connect() as connection:
        yield connection


def reason(wire: Connection, job: str) -> str:
    return status(wire, job)["reason"] or ""


def test_a_usage_limit_is_waited_for_and_the_same_session_goes_on_once(luzia: AgentDaemon, wire: Connection) -> None:
    job = luzia.dispatch(wire, "limit:6 the work")
    eventually(lambda: "usage limit of claude until" in reason(wire, job))
    other = luzia.dispatch(wire, "another")
    assert "usage limit of claude until" in reason(wire, other)
    assert wire.ok(op="info")["slots_used"] == 0
    shell = luzia.dispatch(wire, "true", agent="shell")
    assert ended_job(wire, shell)["state"] == "completed"
    done = ended_job(wire, job)
    assert (done["state"], [each["outcome"] for each in done["attempts"]]) == (
        "completed",
        ["usage_limited", "completed"],
    )
    assert ended_job(wire, other)["state"] == "completed"
    first, *others = luzia.calls()
    (second,) = (call for call in others if call["session"] == first["session"])
    assert (first["resumed"], second["resumed"]) == (False, True)
    assert "Continue where you stopped" in second["prompt"]
    assert done["attempts"][1]["session"] == first["session"]


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_limit_outlives_the_daemon_and_a_person_need_not_wait(luzia: AgentDaemon, how: str) -> None:
    with luzia.daemon.connect() as wire:
        job = luzia.dispatch(wire, "limit:5000 the work")
        eventually(lambda: "usage limit of claude until" in reason(wire, job))
    luzia.daemon.kill() if how == "kill" else luzia.daemon.stop()
    luzia.daemon.start()
    with luzia.daemon.connect() as wire:
        eventually(
            lambda: "usage limit of claude until" in reason(wire, job)
        )  # a crash may have come before the commit
        other = luzia.dispatch(wire, "another")
        assert "usage limit of claude until" in reason(wire, other)
        wire.ok(op="retry", job=job)
        assert ended_job(wire, job)["state"] == "completed"
        assert status(wire, other)["state"] == "queued"


def test_a_guessed_reset_is_shown_as_one_and_a_success_of_the_agent_ends_the_wait(
    luzia: AgentDaemon, wire: Connection
) -> None:
    job = luzia.dispatch(wire, "guess the work")
    eventually(lambda: re.fullmatch(r"usage limit of claude until about \d\d:\d\d, estimated", reason(wire, job)))
    other = luzia.dispatch(wire, "another")
    assert ", estimated" in reason(wire, other)
    wire.ok(op="retry", job=other)
    assert ended_job(wire, other)["state"] == "completed"
    assert ended_job(wire, job)["state"] == "completed"


def test_a_user_ends_the_wait_for_a_limit(luzia: AgentDaemon, wire: Connection) -> None:
    job = luzia.dispatch(wire, "limit:5000 the work")
    eventually(lambda: "usage limit of claude until" in reason(wire, job))
    assert wire.ok(op="resume_agent", agent="claude")["jobs"] == [job]
    assert ended_job(wire, job)["state"] == "completed"


def test_an_agent_that_hangs_at_its_limit_gives_its_slot_back(luzia: AgentDaemon, wire: Connection) -> None:
    job = luzia.dispatch(wire, "limit:5000 and hang")
    eventually(lambda: "usage limit of claude until" in reason(wire, job))
    assert wire.ok(op="info")["slots_used"] == 0
    assert status(wire, job)["attempts"][0]["outcome"] == "usage_limited"


def test_without_auto_resume_a_limit_is_a_failure(luzia: AgentDaemon, wire: Connection) -> None:
    job = ended_job(wire, luzia.dispatch(wire, "limit:5000", auto_resume=False, retries=3, backoff_s=[0.001]))
    assert (job["state"], job["outcome"], job["attempt"]) == ("failed", "usage_limited", 1)
    assert "session limit" in job["reason"]
    luzia.daemon.config_file.write_text(luzia.daemon.config_file.read_text() + "auto_resume = false\n")
    wire.ok(op="reload")
    assert ended_job(wire, luzia.dispatch(wire, "limit:5000"))["outcome"] == "usage_limited"


def test_an_overloaded_server_is_tried_again_without_being_asked(luzia: AgentDaemon, wire: Connection) -> None:
    (luzia.bin / "busy").touch()
    job = luzia.dispatch(wire, "work")
    eventually(lambda: "retry 1 of 8 after an overload in" in reason(wire, job) or status(wire, job)["attempt"] == 2)
    if status(wire, job)["state"] == "queued":
        wire.send(op="retry", job=job)
        wire.receive()
    done = ended_job(wire, job)
    assert [each["outcome"] for each in done["attempts"]] == ["failed", "completed"]
    assert [call["resumed"] for call in luzia.calls()] == [False, True]


def test_who_wants_no_retries_has_none_after_an_overload_either(luzia: AgentDaemon, wire: Connection) -> None:
    (luzia.bin / "busy").touch()
    job = ended_job(wire, luzia.dispatch(wire, "work", retries=0))
    assert (job["state"], job["attempt"]) == ("failed", 1)
    luzia.daemon.config_file.write_text(luzia.daemon.config_file.read_text() + "retries = 0\n")
    wire.ok(op="reload")
    (luzia.bin / "busy").touch()
    assert ended_job(wire, luzia.dispatch(wire, "work"))["attempt"] == 1


def test_a_follow_up_goes_on_with_the_same_conversation(luzia: AgentDaemon, wire: Connection) -> None:
    job = luzia.dispatch(wire, "fix it")
    ended_job(wire, job)
    wire.ok(op="send", job=job, message="also update the tests")
    done = ended_job(wire, job)
    assert (done["state"], done["attempt"], done["task"]) == ("completed", 2, "fix it")
    assert done["attempts"][1]["message"] == "also update the tests"
    first, second = luzia.calls()
    assert (second["resumed"], second["session"]) == (True, first["session"])
    assert second["prompt"] == "also update the tests"


def test_follow_ups_wait_for_the_attempt_that_runs_and_keep_their_order_over_a_crash(luzia: AgentDaemon) -> None:
    with luzia.daemon.connect() as wire:
        job = luzia.dispatch(wire, "wait for it")
        eventually(lambda: status(wire, job)["state"] == "running")
        for message in ("one", "two", "three"):
            wire.ok(op="send", job=job, message=message)
    luzia.daemon.kill()
    luzia.daemon.start()
    (luzia.bin / "go").touch()
    with luzia.daemon.connect() as wire:
        done = ended_job(wire, job)
        assert (done["state"], done["attempt"]) == ("completed", 4)
    assert [call["prompt"] for call in luzia.calls()] == ["wait for it", "one", "two", "three"]
    assert len({call["session"] for call in luzia.calls()}) == 1


def test_a_cancelled_job_says_no_more_and_tells_so(luzia: AgentDaemon, wire: Connection) -> None:
    job = luzia.dispatch(wire, "wait for it")
    eventually(lambda: status(wire, job)["state"] == "running")
    wire.ok(op="send", job=job, message="one")
    wire.ok(op="cancel", job=job)
    assert ended_job(wire, job)["reason"] == "cancelled, 1 follow-up not sent"


def test_a_retry_goes_on_with_the_session_and_a_fresh_one_does_not(luzia: AgentDaemon, wire: Connection) -> None:
    job = luzia.dispatch(wire, "fail")
    assert ended_job(wire, job)["state"] == "failed"
    wire.ok(op="retry", job=job, fresh=True)
    assert ended_job(wire, job)["state"] == "failed"
    wire.ok(op="retry", job=job)
    assert ended_job(wire, job)["state"] == "completed"
    wire.ok(op="retry", job=job)
    assert ended_job(wire, job)["attempt"] == 4
    calls = luzia.calls()
    assert [call["resumed"] for call in calls] == [False, False, True, False]
    assert calls[2]["session"] == calls[1]["session"] != calls[0]["session"]


def test_what_has_no_conversation_is_told_nothing(luzia: AgentDaemon, wire: Connection) -> None:
    job = luzia.dispatch(wire, "true", agent="shell")
    assert wire.error(op="send", job=job, message="more")["code"] == "no_session"
    ended_job(wire, job)
    assert wire.error(op="send", job=job, message="more")["code"] == "no_session"
    claude = luzia.dispatch(wire, "fix it", not_before="2120-01-01T00:00:00Z")
    empty = wire.error(op="send", job=claude, message=" ")
    assert (empty["code"], empty["hint"]) == ("invalid_task", "Write what to tell the agent.")
    assert wire.error(op="send", job=claude, message="x" * 70_000)["code"] == "task_too_large"
    for _ in range(20):
        wire.ok(op="send", job=claude, message="more")
    assert wire.error(op="send", job=claude, message="more")["code"] == "queue_full"
    wire.ok(op="cancel", job=claude)
    assert wire.error(op="send", job=claude, message="more")["code"] == "no_session"


def test_a_job_that_uses_more_than_its_budget_is_ended_and_can_go_on(luzia: AgentDaemon, wire: Connection) -> None:
    job = ended_job(wire, luzia.dispatch(wire, "spend", max_turns=2, max_cost_usd=0.5, retries=3))
    assert (job["state"], job["outcome"], job["attempt"]) == ("failed", "over_budget", 1)
    assert "turns, and its budget is 2; `luzia retry " in job["reason"]
    (call,) = luzia.calls()
    assert {"--max-turns=2", "--max-budget-usd=0.5"} <= set(call["argv"])
    wire.ok(op="retry", job=job["id"])
    assert ended_job(wire, job["id"])["state"] == "completed"
    assert luzia.calls()[1]["session"] == call["session"]
    assert "--max-turns=2" in luzia.calls()[1]["argv"]


def test_a_budget_that_makes_no_sense_is_refused(wire: Connection) -> None:
    for wrong in ({"max_turns": 0}, {"max_cost_usd": -1}):
        assert wire.error(op="dispatch", project="overbits", task="true", **wrong)["code"] == "bad_request"


def test_a_job_shows_its_budget_also_when_it_is_its_projects(luzia: AgentDaemon, wire: Connection) -> None:
    plain = luzia.dispatch(wire, "work", hold=True)
    own = luzia.dispatch(wire, "work", hold=True, max_turns=7)
    assert status(wire, plain)["budget"] is None
    assert status(wire, own)["budget"] == {"max_cost_usd": None, "max_turns": 7, "cost_left_usd": None}
    config = luzia.daemon.config_file.read_text()
    luzia.daemon.config_file.write_text(
        config.replace("[projects.overbits]\n", "[projects.overbits]\nmax_cost_usd = 2.5\n")
    )
    wire.ok(op="reload")
    assert status(wire, plain)["budget"] == {"max_cost_usd": 2.5, "max_turns": None, "cost_left_usd": 2.5}
    assert re.search(r"Budget: +\$2\.50, 7 turns\n", luzia.daemon.run("jobs", own).stdout)
