"""The model, the permission mode and the arguments of an agent: where they come from, and that they reach it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from integration.fake_agent import install, path_with
from luzia_client import Client
from support import Connection, PrivateDaemon, private_daemon, status

CONFIG = """
[daemon]
default_agent = "claude"
[projects.plain]
path = "{root}"
[projects.own]
path = "{root}/own"
model = "of-project"
args = ["--of=project"]
[agents.claude]
model = "of-agent"
permission_mode = "plan"
args = ["--of=agent"]
[agents.like]
command = ["{root}/bin/claude", "--model={model}", "{args}"]
resume_command = ["{root}/bin/claude", "--now=resumed", "--resume={session}", "--model={model}", "{args}"]
prompt = "stdin"
reader = "claude"
"""


class Luzia:
    """A daemon with the program on its jobs' PATH."""

    def __init__(self, daemon: PrivateDaemon) -> None:
        self.daemon = daemon
        self.bin = install(daemon.root / "bin")
        (daemon.root / "own").mkdir()

    def dispatch(self, wire: Connection, project: str, **more: object) -> str:
        """Dispatch a job and wait for its end."""
        job: str = wire.ok(**self.request(project, **more))["job"]
        return self.ended(wire, job)

    def request(self, project: str, **more: object) -> dict[str, Any]:
        """A dispatch."""
        return {"op": "dispatch", "project": project, "task": "work", **more} | {
            "client_env": {"PATH": path_with(self.bin)}
        }

    def run(self, *words: str, given: str = "") -> str:
        """What a command of the command line prints."""
        program = f"{os.path.dirname(sys.executable)}/luzia"
        env = self.daemon.env | {"PATH": path_with(self.bin)}
        done = subprocess.run([program, *words], env=env, input=given, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ended(self, wire: Connection, job: str) -> str:
        """The job, when it has ended."""
        assert wire.ok(op="wait", jobs=[job], timeout_s=60)["timed_out"] is False
        return job

    def asked(self, number: int = -1) -> list[str]:
        """The model, the permission mode and the added arguments of a run of the program."""
        words: list[str] = json.loads((self.bin / "calls").read_text().splitlines()[number])["argv"]
        return [word for word in words if word.startswith(("--model", "--permission-mode", "--of", "--now"))]


@pytest.fixture
def luzia() -> Iterator[Luzia]:
    with private_daemon(CONFIG) as daemon:
        yield Luzia(daemon)


@pytest.fixture
def wire(luzia: Luzia) -> Iterator[Connection]:
    with luzia.daemon.connect() as connection:
        yield connection


def shown(wire: Connection, job: str) -> tuple[str | None, str | None, list[str]]:
    job_status = status(wire, job)
    return job_status["model"], job_status["permission_mode"], job_status["args"]


def test_the_dispatch_comes_before_the_project_and_that_before_the_agent(luzia: Luzia, wire: Connection) -> None:
    job = luzia.dispatch(wire, "plain")
    assert luzia.asked() == ["--permission-mode=plan", "--model=of-agent", "--of=agent"]
    assert shown(wire, job) == ("of-agent", "plan", ["--of=agent"])
    job = luzia.dispatch(wire, "own")
    assert luzia.asked() == ["--permission-mode=plan", "--model=of-project", "--of=agent", "--of=project"]
    job = luzia.dispatch(wire, "own", model="m-1", permission_mode="default", args=["--now", "--now=2"])
    assert luzia.asked() == [
        *("--permission-mode=default", "--model=m-1"),
        *("--of=agent", "--of=project", "--now", "--now=2"),
    ]
    assert shown(wire, job) == ("m-1", "default", ["--of=agent", "--of=project", "--now", "--now=2"])


def test_a_retry_and_a_message_keep_the_options_of_the_dispatch(luzia: Luzia, wire: Connection) -> None:
    job = luzia.dispatch(wire, "own", model="m-1", args=["--now"], task="fail")
    wanted = luzia.asked()
    for request in ({"op": "retry", "job": job}, {"op": "send", "job": job, "message": "go on"}):
        wire.ok(**request)
        luzia.ended(wire, job)
        assert luzia.asked() == wanted
    assert len((luzia.bin / "calls").read_text().splitlines()) == 3


def test_the_options_outlive_the_daemon(luzia: Luzia) -> None:
    with luzia.daemon.connect() as wire:
        job: str = wire.ok(**luzia.request("own", model="m-1", args=["--now"], hold=True))["job"]
    luzia.daemon.kill()
    luzia.daemon.start()
    with luzia.daemon.connect() as wire:
        wire.ok(op="release", job=job)
        luzia.ended(wire, job)
    assert luzia.asked()[1:] == ["--model=m-1", "--of=agent", "--of=project", "--now"]


def test_the_options_of_a_project_do_not_go_with_an_agent_that_the_dispatch_names(
    luzia: Luzia, wire: Connection
) -> None:
    job = luzia.dispatch(wire, "own", agent="like", model="m-2")
    assert luzia.asked() == ["--model=m-2"]
    assert shown(wire, job) == ("m-2", None, [])


def test_a_configured_agent_resumes_as_its_table_says(luzia: Luzia, wire: Connection) -> None:
    job = luzia.dispatch(wire, "plain", agent="like", model="m-2", args=["--now"])
    assert luzia.asked() == ["--model=m-2", "--now"]
    wire.ok(op="send", job=job, message="go on")
    luzia.ended(wire, job)
    assert luzia.asked() == ["--now=resumed", "--model=m-2", "--now"]
    assert status(wire, job)["attempts"][1]["session"] == "5e55-1"


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"agent": "shell", "model": "m"}, "agent shell has no option for a model"),
        ({"agent": "shell", "args": ["-x"]}, "agent shell accepts no more arguments"),
        ({"agent": "like", "permission_mode": "plan"}, "agent like has no permission modes"),
        ({"permission_mode": "yolo"}, "agent claude has no permission mode 'yolo', only plan, default,"),
        ({"task": None, "argv": ["true"], "model": "m"}, "a command has no option for a model"),
    ],
)
def test_what_the_agent_does_not_know_is_refused(
    luzia: Luzia, wire: Connection, wish: dict[str, object], words: str
) -> None:
    error = wire.error(**luzia.request("plain", **wish))
    assert error["code"] == "unsupported_option"
    assert error["message"].startswith(words)


@pytest.mark.parametrize("wish", [{"model": ""}, {"model": "a\0"}, {"args": [""]}, {"args": ["x" * 200_000]}])
def test_words_that_cannot_be_arguments_are_refused(luzia: Luzia, wire: Connection, wish: dict[str, object]) -> None:
    assert wire.error(**luzia.request("plain", **wish))["code"] == "bad_request"


def test_a_command_and_another_agent_run_in_a_project_with_options(luzia: Luzia, wire: Connection) -> None:
    for wish in ({"task": None, "argv": ["true"]}, {"task": "true", "agent": "shell"}):
        job = luzia.dispatch(wire, "own", **wish)
        assert status(wire, job)["state"] == "completed"
        assert shown(wire, job) == (None, None, [])


def test_the_command_line_shows_what_it_was_given(luzia: Luzia) -> None:
    given = ["--model", "m-1", "--permission-mode", "plan", "--agent-arg=--now", "--agent-arg", "--now=a b"]
    job = luzia.run(*given, "-q", "plain", "work").strip().rpartition(":")[2]
    luzia.run("wait", job)
    assert luzia.asked()[-2:] == ["--now", "--now=a b"]
    options = "model m-1, permission mode plan, arguments --of=agent --now '--now=a b'"
    assert f"Agent options: {options}" in luzia.run("jobs", job)
    described = json.loads(luzia.run("jobs", job, "--json"))
    assert (described["model"], described["permission_mode"]) == ("m-1", "plan")
    assert described["args"] == ["--of=agent", "--now", "--now=a b"]


def test_a_batch_a_schedule_and_the_api_pass_them_on(luzia: Luzia, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path_with(luzia.bin))
    with Client(luzia.daemon.socket) as client:
        line = {"project": "plain", "task": "work", "model": "m-1", "permission_mode": "auto", "args": ["--now"]}
        luzia.run("batch", "-", given=json.dumps(line))
        luzia.run(
            *("schedule", "add", "later", "--project", "plain", "--cron", "0 3 1 1 *"),
            *("--model", "m-1", "--permission-mode=auto", "--agent-arg=--now", "work"),
        )
        luzia.run("schedule", "run", "later")
        client.dispatch("plain", "work", model="m-1", permission_mode="auto", args=("--now",))
        jobs = client.list_jobs().jobs
        client.wait(jobs)
        assert len(jobs) == 3
    for number in range(3):
        assert luzia.asked(number) == ["--permission-mode=auto", "--model=m-1", "--of=agent", "--now"]


def test_a_failure_that_nothing_explains_names_the_chosen_model(luzia: Luzia, wire: Connection) -> None:
    (luzia.bin / "broke").write_text("Unexpected server error.")
    for wish, reason in (
        ({"model": "m-9"}, "Unexpected server error (the chosen model is m-9)"),
        ({"agent": "like"}, "Unexpected server error."),
    ):
        job = luzia.dispatch(wire, "plain", **wish)
        assert status(wire, job)["reason"] == reason
