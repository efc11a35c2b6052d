"""Agents that ask: a job waits, a person answers, and the answer reaches the same call of the tool."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import DEADLINE_S, OneRequestEach, PrivateDaemon, eventually

AGENT = Path(__file__).parents[1] / "data" / "programs" / "asking_claude.py"
BASH = ["Bash", {"command": "rm -rf build"}]
COLOURS = {
    "question": "Which colour?",
    "options": [{"label": "Red", "description": "warm"}, {"label": "Blue"}],
    "multiSelect": False,
}
REASON = {"question": "Why?", "options": [], "multiSelect": False}


class Desk(OneRequestEach):
    """A daemon whose `claude` is the stand-in."""

    def __init__(self, root: Path) -> None:
        programs = root / "bin"
        programs.mkdir()
        claude = programs / "claude"
        claude.write_text(f'#!/bin/sh\nexec {sys.executable} {AGENT} "$@"\n')
        claude.chmod(0o755)
        super().__init__(PrivateDaemon(root, "[daemon]\nlinger_s = 1000\n"))
        self.daemon.env["PATH"] = f"{programs}:{self.daemon.env['PATH']}"

    def dispatch(self, *steps: object, **more: object) -> str:
        task = json.dumps(steps)
        request = {"op": "dispatch", "project": "overbits", "agent": "claude", "task": task, "ask": True, **more}
        job: str = self.ok(**request)["job"]
        return job

    def waiting(self, job: str) -> dict[str, Any]:
        """The question of a job, once it waits."""

        def asks() -> dict[str, Any]:
            found = self.job(job)
            assert found["state"] in ("queued", "starting", "running", "waiting"), found
            return found["question"] or {}

        return eventually(asks, "a question")

    def told(self) -> list[dict[str, Any]]:
        """What the agent was told, in the order in which it heard it."""
        lines = (self.daemon.project / "told").read_text().splitlines()
        return [json.loads(line)["response"] for line in lines]

    def luzia(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.daemon.run(*words, stdin=subprocess.DEVNULL)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A running one."""
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        made = Desk(Path(directory))
        try:
            made.daemon.start()
            yield made
        finally:
            made.daemon.end_everything()


def test_a_permission_is_asked_for_and_given(desk: Desk) -> None:
    job = desk.dispatch(BASH)
    question = desk.waiting(job)
    assert question == {
        "id": "request-1",
        "type": "permission",
        "tool": "Bash",
        "text": "rm -rf build",
        "parts": [],
        "diff": "",
    }
    shown = desk.luzia("jobs", job).stdout
    assert "permission to use Bash: rm -rf build" in shown
    assert f"luzia answer {job} allow" in shown
    assert "asks to use Bash: rm -rf build" in desk.luzia("jobs", "--waiting").stdout
    answered = desk.luzia("answer", job, "allow")
    assert (answered.returncode, answered.stdout) == (0, f"{job}  answered\n")
    done = desk.ended(job)
    assert (done["state"], done["exit_code"], done["question"]) == ("completed", 0, None)
    assert desk.told() == [{"behavior": "allow", "updatedInput": {"command": "rm -rf build"}}]
    assert "No jobs match" in desk.luzia("jobs", "--waiting").stdout
    assert desk.error(op="answer", job=job, words=["allow"]) == "job_not_waiting"


def test_a_denial_says_what_to_do_instead_and_fails_nothing(desk: Desk) -> None:
    job = desk.dispatch(BASH, BASH)
    desk.waiting(job)
    assert desk.ok(op="answer", job=job, words=["deny"])["state"] == "waiting"
    assert desk.ok(op="answer", job=job, words=["use", "make clean"])["state"] == "running"
    assert desk.ended(job)["state"] == "completed"
    assert desk.told() == [
        {"behavior": "deny", "message": "The user denied this."},
        {"behavior": "deny", "message": "use make clean"},
    ]


def test_a_question_is_answered_by_texts_and_numbers(desk: Desk) -> None:
    job = desk.dispatch(["AskUserQuestion", {"questions": [COLOURS, REASON]}])
    parts = desk.waiting(job)["parts"]
    assert [part["options"] for part in parts] == [["Red", "Blue"], []]
    assert [part["descriptions"] for part in parts] == [["warm", ""], []]
    shown = desk.luzia("jobs", job).stdout
    assert "1  Red: warm" in shown
    assert "2  Blue\n" in shown
    assert desk.error(op="answer", job=job, words=["only one"]) == "bad_request"
    assert desk.luzia("answer", job, "2", "it is calm").returncode == 0
    assert desk.ended(job)["state"] == "completed"
    (told,) = desk.told()
    assert told["updatedInput"]["answers"] == {"Which colour?": "Blue", "Why?": "it is calm"}
    assert told["updatedInput"]["questions"] == [COLOURS, REASON]


def test_several_questions_are_answered_in_any_order(desk: Desk) -> None:
    job = desk.dispatch(BASH, ["Write", {"file_path": "/x", "content": "y" * 100_000}], ["WebFetch", {"url": "u"}])
    desk.waiting(job)
    eventually(lambda: len(desk.job(job)["activity"]["asked"]) == 3, "three questions")
    assert desk.ok(op="answer", job=job, words=["allow"], question="request-2")["state"] == "waiting"
    assert desk.error(op="answer", job=job, words=["allow"], question="request-2") == "job_not_waiting"
    assert desk.waiting(job)["id"] == "request-1"
    for _ in range(2):
        desk.ok(op="answer", job=job, words=["allow"])
    assert desk.ended(job)["state"] == "completed"
    assert sorted(each["behavior"] for each in desk.told()) == ["allow"] * 3


def test_an_answer_reaches_the_agent_also_after_the_daemon_was_killed(desk: Desk) -> None:
    job = desk.dispatch(BASH)
    question = desk.waiting(job)
    desk.daemon.kill()
    desk.daemon.start()
    assert desk.waiting(job) == question
    assert desk.job(job)["state"] == "waiting"
    desk.ok(op="answer", job=job, words=["allow"])
    assert desk.ended(job)["state"] == "completed"
    assert [each["behavior"] for each in desk.told()] == ["allow"]


def test_a_question_that_was_asked_while_no_daemon_ran_is_found(desk: Desk) -> None:
    gate = desk.daemon.root / "gate"
    claude = desk.daemon.root / "bin" / "claude"
    wait = f"while ! test -e {gate}; do sleep 0.01; done"
    claude.write_text(f'#!/bin/sh\n{wait}\nexec {sys.executable} {AGENT} "$@"\n')
    job = desk.dispatch(BASH)
    eventually(lambda: desk.job(job)["state"] == "running", "a running job")
    desk.daemon.kill()
    gate.touch()
    output = desk.daemon.state / "jobs" / job / "1" / "stdout"
    eventually(lambda: output.exists() and "control_request" in output.read_text(), "the question")
    desk.daemon.start()
    desk.waiting(job)
    desk.ok(op="answer", job=job, words=["allow"])
    assert desk.ended(job)["state"] == "completed"


def test_a_question_that_is_withdrawn_is_asked_no_more(desk: Desk) -> None:
    job = desk.dispatch(BASH, ["Read", {"file_path": "/x"}], ["withdraw", 2])
    desk.waiting(job)
    eventually(lambda: [each["id"] for each in desk.job(job)["activity"]["asked"]] == ["request-1"], "one question")
    desk.ok(op="answer", job=job, words=["allow"])
    assert desk.ended(job)["state"] == "completed"


def test_a_waiting_job_can_be_cancelled(desk: Desk) -> None:
    job = desk.dispatch(BASH)
    desk.waiting(job)
    desk.ok(op="cancel", job=job)
    assert desk.ended(job)["state"] == "cancelled"


def events_of(desk: Desk, job: str) -> list[dict[str, Any]]:
    """What a subscriber is told of a job that has ended: its questions, their answers, and its end."""
    told: list[dict[str, Any]] = []
    with desk.daemon.connect() as connection:
        connection.send(op="subscribe", after=0, jobs=[job], kinds=["asked", "answered", "ended"])
        connection.receive()
        while not told or told[-1]["kind"] != "ended":
            told.append(connection.receive()["event"])
    return told


def shortly(event: dict[str, Any]) -> tuple[str, str, str]:
    """The kind of an event, the question that it is about, and the state of the job after it."""
    question = event.get("question", "")
    return event["kind"], question["id"] if isinstance(question, dict) else question, event["state"]


def test_events_tell_of_questions_and_answers(desk: Desk) -> None:
    job = desk.dispatch(BASH)
    desk.waiting(job)
    desk.ok(op="answer", job=job, words=["allow"])
    desk.ended(job)
    told = events_of(desk, job)
    assert [(event["kind"], event["state"]) for event in told] == [
        ("asked", "waiting"),
        ("answered", "running"),
        ("ended", "completed"),
    ]
    assert told[0]["question"]["text"] == "rm -rf build"


def test_events_tell_which_question_is_next(desk: Desk) -> None:
    job = desk.dispatch(BASH, ["Read", {"file_path": "/x"}], ["WebFetch", {"url": "u"}])
    eventually(lambda: len((desk.job(job)["activity"] or {}).get("asked", [])) == 3, "three questions")
    for question in ("request-2", "request-1", "request-3"):
        desk.ok(op="answer", job=job, words=["allow"], question=question)
    desk.ended(job)
    assert [shortly(event) for event in events_of(desk, job)] == [
        ("asked", "request-1", "waiting"),
        ("answered", "request-2", "waiting"),
        ("answered", "request-1", "waiting"),
        ("asked", "request-3", "waiting"),
        ("answered", "request-3", "running"),
        ("ended", "", "completed"),
    ]


def test_events_tell_of_the_question_after_one_that_is_withdrawn(desk: Desk) -> None:
    job = desk.dispatch(BASH, ["Read", {"file_path": "/x"}], ["withdraw", 1])
    eventually(lambda: (desk.job(job)["question"] or {}).get("id") == "request-2", "the second question")
    desk.ok(op="answer", job=job, words=["allow"])
    desk.ended(job)
    told = [shortly(event) for event in events_of(desk, job)]
    assert told[-3:] == [
        ("asked", "request-2", "waiting"),
        ("answered", "request-2", "running"),
        ("ended", "", "completed"),
    ]


def test_a_restarted_daemon_tells_each_question_once(desk: Desk) -> None:
    job = desk.dispatch(BASH, BASH)
    eventually(lambda: len((desk.job(job)["activity"] or {}).get("asked", [])) == 2, "two questions")
    desk.daemon.kill()
    desk.daemon.start()
    eventually(lambda: len((desk.job(job)["activity"] or {}).get("asked", [])) == 2, "both, from its output again")
    for question in ("request-1", "request-2"):
        desk.ok(op="answer", job=job, words=["allow"], question=question)
    desk.ended(job)
    assert [shortly(event)[:2] for event in events_of(desk, job)] == [
        ("asked", "request-1"),
        ("answered", "request-1"),
        ("asked", "request-2"),
        ("answered", "request-2"),
        ("ended", ""),
    ]


def test_only_an_agent_that_can_be_answered_may_ask(desk: Desk) -> None:
    request = {"op": "dispatch", "project": "overbits", "task": "true", "agent": "shell"}
    assert desk.error(**request, ask=True) == "cannot_ask"
    text = desk.daemon.config_file.read_text()
    desk.daemon.config_file.write_text(text.replace('agent = "shell"\n', 'agent = "shell"\nask = true\n'))
    desk.ok(op="reload")
    assert desk.ended(desk.ok(**request)["job"])["state"] == "completed"
    job = desk.dispatch(BASH, ask=None)
    desk.waiting(job)
    refused = desk.dispatch(BASH, ask=False)
    assert desk.ended(refused)["exit_code"] == 4  # it was not told that it may ask


def test_a_task_may_be_long(desk: Desk) -> None:
    job = desk.dispatch(["Bash", {"command": "x" * 300_000}])
    assert len(desk.waiting(job)["text"]) == 1000
    desk.ok(op="answer", job=job, words=["allow"])
    assert desk.ended(job)["state"] == "completed"
    assert len(desk.told()[0]["updatedInput"]["command"]) == 300_000


@pytest.mark.parametrize("command", [("wait",), ("follow",), ("logs", "-f")])
def test_a_command_that_waits_for_a_job_says_that_it_is_held_or_asks(desk: Desk, command: tuple[str, ...]) -> None:
    job = desk.dispatch(BASH, hold=True)
    connections = desk.ok(op="info")["connections"]
    with desk.daemon.start_command(*command, job) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith(f"luzia: job {job} is held since ")
        assert line.endswith(f"release it with `luzia release {job}`\n")
        eventually(lambda: desk.ok(op="info")["subscribers"] == 1, "it follows the questions")
        assert desk.ok(op="info")["connections"] == connections + 1, "it does so on its only connection"
        desk.ok(op="release", job=job)
        assert process.stderr.readline() == (
            f"luzia: job {job} asks to use Bash: rm -rf build; answer with `luzia answer {job} …`\n"
        )
        desk.ok(op="answer", job=job, words=["allow"])
        assert process.wait(DEADLINE_S) == 0
        assert "luzia:" not in process.stderr.read()


def test_jobs_that_wait_for_an_answer_are_not_counted_as_running(desk: Desk) -> None:
    job = desk.dispatch(BASH)
    desk.waiting(job)
    assert "Running: 0  Pending: 0" in desk.luzia("jobs").stdout
    assert "Waiting: 1" in desk.luzia("jobs").stdout
