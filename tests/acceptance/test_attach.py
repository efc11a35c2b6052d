"""`luzia attach`: a user takes over the session of a job's agent in a terminal, which is recorded as an attempt."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from luzia_protocol import replies, requests
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job, JobState, Outcome

from git_projects import Repository
from interactive_agent import InteractiveAgent
from luzia_client.api.client import Client
from private_luzia import PrivateLuzia, private_luzia, until
from terminal import Terminal, terminal


class Scene:
    """A luzia whose agent is the stand-in."""

    def __init__(self, luzia: PrivateLuzia) -> None:
        self.luzia = luzia
        self.agent = InteractiveAgent(luzia)
        home = Path(luzia.root, "home")
        home.mkdir()
        luzia.env |= {"SECRET": "s3cret", "HOME": str(home)}
        with open(luzia.env["LUZIA_CONFIG"], "w") as file:
            file.write(f'[daemon]\ngrace_s = 5\n[projects.site]\npath = "{luzia.project}"\nagent = "claude"\n')
        self.client: Client = luzia.client()

    def dispatch(self, task: str, *options: str) -> str:
        done = self.luzia.run("dispatch", "-e", "SECRET=s3cret", *options, "site", task)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip().rpartition(":")[2]

    def ended(self, task: str = "do it") -> Job:
        job = self.dispatch(task)
        self.client.wait([job], timeout_s=60)
        return self.client.get_job(job)

    def working(self) -> str:
        job = self.dispatch("wait for it")
        until(lambda: self.job(job).activity and self.job(job).activity.session, "the agent has a session")  # type: ignore[union-attr]
        return job

    def job(self, job: str) -> Job:
        return self.client.get_job(job)

    def attach(self, *words: str) -> AbstractContextManager[Terminal]:
        return terminal(self.luzia.command("attach", *words), self.luzia.env, self.luzia.project, 120, 30)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with private_luzia() as luzia:
        yield Scene(luzia)


def test_a_finished_job_opens_on_its_session_and_the_visit_is_an_attempt(scene: Scene) -> None:
    before = scene.ended()
    with scene.attach(before.id) as screen:
        screen.shows("OPENED")
        during = scene.job(before.id)
        assert (during.state, during.attempt) == (JobState.RUNNING, 2)
        assert during.attached is not None
        assert during.attached.pid == during.pid
        assert during.attached.user in (during.reason or "")
        screen.type("exit 0\r")
        assert screen.ended() == 0
        screen.shows("Recorded as attempt 2", "which is completed")
        assert screen.is_as_before()
    after = scene.job(before.id)
    assert (after.state, after.outcome, after.attached) == (JobState.COMPLETED, Outcome.COMPLETED, None)
    visit = after.attempts[1]
    assert (visit.exit_code, visit.session) == (0, before.activity and before.activity.session)
    assert visit.attached is not None
    headless, opened = scene.agent.calls()
    assert (opened["session"], opened["headless"]) == (headless["session"], False)
    assert opened["cwd"] == scene.luzia.project
    assert opened["env"]["SECRET"] == "s3cret"
    assert opened["env"]["LUZIA_JOB_ID"] == before.id
    assert opened["env"]["LUZIA_ATTEMPT"] == "2"
    assert opened["env"]["TERM"] == "xterm-256color"


def test_a_failed_job_stays_failed_unless_the_user_says_that_it_is_done(scene: Scene) -> None:
    failed = scene.ended("fail at it")
    assert failed.state is JobState.FAILED
    with scene.attach(failed.id) as screen:
        screen.shows("OPENED")
        screen.type("exit 0\r")
        screen.shows("done? [y/N]")
        screen.type("\r")
        assert screen.ended() == 0
    after = scene.job(failed.id)
    assert (after.state, after.outcome, after.reason) == (JobState.FAILED, Outcome.FAILED, failed.reason)
    with scene.attach(failed.id) as screen:
        screen.shows("OPENED")
        screen.type("exit 0\r")
        screen.shows("done? [y/N]")
        screen.type("y\r")
        screen.shows("which is completed")
    after = scene.job(failed.id)
    assert (after.state, after.attempt) == (JobState.COMPLETED, 3)
    assert "marked it as done" in (after.reason or "")


def test_a_running_job_is_paused_while_the_user_is_there_and_goes_on_afterwards(scene: Scene) -> None:
    job = scene.working()
    with scene.attach("--pause", job) as screen:
        screen.shows("OPENED")
        first, opened = scene.agent.calls()
        assert opened["session"] == first["session"]
        with pytest.raises(ProcessLookupError):
            os.kill(first["pid"], 0)
        scene.agent.go()
        screen.type("exit 0\r")
        assert screen.ended() == 0
    scene.client.wait([job], timeout_s=60)
    after = scene.job(job)
    assert [each.outcome for each in after.attempts] == [Outcome.CANCELLED, Outcome.CANCELLED, Outcome.COMPLETED]
    assert after.state is JobState.COMPLETED
    assert "Continue where you stopped" in scene.agent.calls()[2]["prompt"]


def test_a_running_job_is_asked_about_and_ended_when_the_user_leaves(scene: Scene) -> None:
    job = scene.working()
    with scene.attach(job) as screen:
        screen.shows("[c]ontinue")
        question = next(line for line in screen.lines if "[c]ontinue" in line)
        assert len(question) < 80
        screen.type("e\r")
        screen.shows("OPENED")
        screen.type("exit 0\r")
        screen.shows("done? [y/N]")
        screen.type("n\r")
        assert screen.ended() == 0
    after = scene.job(job)
    assert (after.state, after.attempt) == (JobState.CANCELLED, 2)
    assert "has left its session" in (after.reason or "")


def test_an_attached_job_is_not_retried_removed_or_attached_by_others(scene: Scene) -> None:
    job = scene.ended().id
    with scene.attach(job) as screen:
        screen.shows("OPENED")
        for words in (["retry", job], ["remove", job], ["pause", job], ["resume", job]):
            refused = scene.luzia.run(*words)
            assert refused.returncode == 4, words
            assert b"attached" in refused.stderr, refused.stderr
        with scene.attach(job) as other:
            other.shows("is attached")
            assert other.ended() == 4
        screen.type("exit 0\r")
        assert screen.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
def test_the_end_of_the_client_ends_the_attachment_with_its_processes(scene: Scene, number: signal.Signals) -> None:
    job = scene.ended().id
    with scene.attach(job) as screen:
        screen.shows("OPENED")
        screen.type("child\r")
        screen.shows("CHILD")
        child = int(screen.text.rpartition("CHILD ")[2].split()[0])
        if number is signal.SIGKILL:
            screen.type("deaf\r")
            screen.shows("DEAF")
        screen.process.send_signal(number)
        screen.ended()
        until(lambda: scene.job(job).state is JobState.COMPLETED, "the attachment has ended")
    for pid in (child, scene.agent.calls()[-1]["pid"]):
        until(lambda pid=pid: not os.path.exists(f"/proc/{pid}"), "no process is left")  # type: ignore[misc]
    assert scene.job(job).attempt == 2


def test_a_restart_of_the_daemon_does_not_disturb_the_user(scene: Scene) -> None:
    job = scene.ended().id
    with scene.attach(job) as screen:
        screen.shows("OPENED")
        scene.luzia.kill_daemon()
        scene.client = scene.luzia.client()
        during = scene.job(job)
        assert (during.state, during.attached and during.attached.pid) == (JobState.RUNNING, during.pid)
        screen.type("exit 0\r")
        screen.shows("Recorded as attempt 2", "which is completed")
    assert scene.job(job).attempts[1].exit_code == 0


def test_a_user_who_left_while_there_was_no_daemon_has_left(scene: Scene) -> None:
    job = scene.ended().id
    with scene.attach(job) as screen:
        screen.shows("OPENED")
        scene.luzia.kill_daemon()
        screen.process.kill()
        screen.ended()
    scene.client = scene.luzia.client()
    until(lambda: scene.job(job).state is JobState.COMPLETED, "the attachment has ended")
    pid = scene.agent.calls()[-1]["pid"]
    until(lambda: not os.path.exists(f"/proc/{pid}"), "the agent is gone")


def test_a_detached_job_goes_on_in_the_background(scene: Scene) -> None:
    job = scene.ended().id
    with scene.attach(job) as screen:
        screen.shows("OPENED")
        detached = scene.luzia.run("detach", job)
        assert (detached.returncode, detached.stdout) == (0, f"{job}  detaching\n".encode())
        assert screen.ended() == 0
        screen.shows(f"Recorded as attempt 2 of job {job}, which ")
        assert "SIGTERM" not in screen.text, "it is how a session is detached"
    scene.client.wait([job], timeout_s=60)
    after = scene.job(job)
    assert (after.state, after.attempt) == (JobState.COMPLETED, 3)
    assert scene.agent.calls()[2]["headless"]
    assert scene.luzia.run("detach", job).returncode == 4


def test_a_cancel_ends_the_agent_in_the_terminal(scene: Scene) -> None:
    job = scene.ended().id
    with scene.attach(job) as screen:
        screen.shows("OPENED")
        screen.type("deaf\r")
        screen.shows("DEAF")
        assert scene.luzia.run("cancel", job).returncode == 0
        screen.ended()
    until(lambda: scene.job(job).state is JobState.CANCELLED, "the job is cancelled")


def test_a_held_job_is_held_again_when_the_user_has_left(scene: Scene) -> None:
    job = scene.ended().id
    scene.client.pause_queue()
    scene.luzia.run("retry", job)
    scene.luzia.run("hold", job)
    scene.client.resume_queue()
    with scene.attach(job) as screen:
        screen.shows("OPENED")
        screen.type("exit 0\r")
        assert screen.ended() == 0
    held = scene.job(job)
    assert (held.state, held.attempt, bool(held.held_at)) == (JobState.QUEUED, 2, True)


def test_an_agent_that_is_killed_leaves_the_terminal_as_it_was(scene: Scene) -> None:
    job = scene.ended().id
    with scene.attach(job) as screen:
        screen.shows("OPENED")
        os.kill(scene.agent.calls()[-1]["pid"], signal.SIGKILL)
        assert screen.ended() == 0
        screen.shows("terminated by SIGKILL")
        assert screen.is_as_before()
    assert scene.job(job).attempts[1].signal == "SIGKILL"


def test_two_who_attach_at_once_are_one_who_does(scene: Scene) -> None:
    job = scene.working()
    with scene.attach("--end", job) as first, scene.attach("--end", job) as second:
        screens = (first, second)
        until(lambda: any("is attached" in each.text or "is about to" in each.text for each in screens), "one refused")
        until(lambda: any("OPENED" in each.text for each in screens), "the other one has it")
        winner = next(each for each in screens if "OPENED" in each.text)
        winner.type("exit 0\r")
        winner.shows("done? [y/N]")
        winner.type("y\r")
        assert sorted(each.ended() for each in screens) == [0, 4]
    assert (scene.job(job).state, scene.job(job).attempt) == (JobState.COMPLETED, 2)


def test_what_the_session_has_cost_in_the_terminal_is_what_it_has_added(scene: Scene) -> None:
    job = scene.ended().id
    with scene.attach(job) as screen:
        screen.shows("OPENED")
        screen.type("spend 0.75\r")
        screen.shows("SPENT")
        screen.type("exit 0\r")
        assert screen.ended() == 0
    after = scene.job(job)
    first, visit = (each.activity for each in after.attempts)
    assert first is not None
    assert visit is not None
    assert (first.cost_usd, visit.cost_usd, after.activity and after.activity.cost_usd) == (0.25, 0.5, 0.75)
    with scene.attach(job) as screen:  # nothing new is noted
        screen.shows("OPENED")
        screen.type("exit 0\r")
        assert screen.ended() == 0
    assert scene.job(job).attempts[2].activity is None


def test_messages_wait_until_the_user_has_left(scene: Scene) -> None:
    job = scene.ended().id
    with scene.attach(job) as screen:
        screen.shows("OPENED")
        assert scene.luzia.run("send", job, "and then this").returncode == 0
        assert scene.job(job).attempt == 2
        screen.type("exit 0\r")
        assert screen.ended() == 0
    scene.client.wait([job], timeout_s=60)
    assert scene.job(job).attempt == 3
    assert scene.agent.calls()[2]["prompt"] == "and then this"


def test_the_agent_has_the_size_of_the_terminal_and_stops_and_continues_with_its_client(scene: Scene) -> None:
    job = scene.ended().id
    with scene.attach(job) as screen:
        screen.shows("OPENED")
        screen.resize(90, 20)
        screen.type("size\r")
        screen.shows("SIZE 90 20")
        screen.type("stop\r")
        state = Path(f"/proc/{screen.process.pid}/stat")
        until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", "the client has stopped as well")
        screen.process.send_signal(signal.SIGCONT)
        screen.shows("CONTINUED")
        screen.type("exit 3\r")
        screen.shows("exit code 3")
        assert screen.ended() == 0
    assert scene.job(job).attempts[1].exit_code == 3


def test_a_session_that_began_by_hand_continues_in_the_background(scene: Scene) -> None:
    adopted = scene.luzia.run("adopt-session", "-q", "claude", "6f1c2d0e-5a34", "finish", "it")
    assert adopted.returncode == 0, adopted.stderr
    job = adopted.stdout.decode().strip()
    scene.client.wait([scene.client.get_job(job).id], timeout_s=60)
    (run,) = scene.agent.calls()
    assert (run["session"], run["prompt"], run["headless"]) == ("6f1c2d0e-5a34", "finish it", True)
    assert "--resume=6f1c2d0e-5a34" in run["argv"]
    assert scene.job(job).state is JobState.COMPLETED


def test_what_cannot_be_attached_says_why_and_what_to_do(scene: Scene) -> None:
    command = scene.client.dispatch("site", argv=["true"]).job
    shell = scene.client.dispatch("site", "true", agent="shell").job
    held = scene.dispatch("later", "--hold")
    scene.client.wait([command, shell], timeout_s=60)
    for job, words in ((command, "has no session"), (shell, "has no session"), (held, "has not begun a session")):
        with scene.attach(job) as screen:
            screen.shows(words)
            assert screen.ended() == 4
    without = scene.luzia.run("attach", shell)
    said = f"luzia: attach needs a terminal\n  To send the agent a message, use `luzia send {shell} TEXT`.\n"
    assert (without.returncode, without.stderr) == (2, said.encode())
    with pytest.raises(Refused) as caught:  # from a process that the daemon does not see as the caller
        scene.client._caller.request(requests.Attach(job=shell, pid=1), replies.AttachResult)
    assert caught.value.code is ErrorCode.CANNOT_ATTACH


def test_a_session_opens_in_the_worktree_and_not_when_that_was_removed(scene: Scene) -> None:
    repository = Repository(Path(scene.luzia.project), Path(scene.luzia.root, "home"))
    repository.git("init", "-q")
    repository.commit("first")
    job = scene.dispatch("do it", "--worktree")
    scene.client.wait([job], timeout_s=60)
    tree = scene.job(job).worktree
    assert tree is not None
    with scene.attach(job) as screen:
        screen.shows("OPENED")
        assert scene.agent.calls()[-1]["cwd"] == tree.directory
        for words in (["merge", job], ["clean", job], ["discard", "--yes", job]):
            refused = scene.luzia.run(*words)
            assert (refused.returncode, b"attached" in refused.stderr) == (4, True), (words, refused)
        screen.type("exit 0\r")
        assert screen.ended() == 0
    scene.client.clean_worktree(job)
    with scene.attach(job) as screen:
        screen.shows("was removed", "luzia send")
        assert screen.ended() == 4


def test_the_session_of_an_agent_that_waits_for_an_answer_is_taken_over(scene: Scene) -> None:
    job = scene.dispatch("ask me", "--ask")
    until(lambda: scene.job(job).state is JobState.WAITING, "the agent asks")
    with scene.attach("--pause", job) as screen:
        screen.shows("OPENED")
        assert scene.job(job).question is None
        screen.type("exit 0\r")
        assert screen.ended() == 0
    scene.client.wait([job], timeout_s=60)
    assert (scene.job(job).state, scene.job(job).attempt) == (JobState.COMPLETED, 3)
