"""What TAB offers, asked of the command itself with a real daemon behind it."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from support import DEADLINE_S, PrivateDaemon, eventually, private_daemon

HOSTILE = 'say "it\'s" $(touch pwned) `touch pwned`\n\x1b[31mred \x07 \u202e back'


class Jobs(NamedTuple):
    """Jobs of a daemon: one that runs, one that has completed, one that has failed, one that is queued."""

    daemon: PrivateDaemon
    running: str
    completed: str
    failed: str
    queued: str

    def offers(self, *words: str, shell: str = "fish") -> dict[str, str]:
        """The offers for the last word, with what is said of them."""
        done = self.daemon.run("--complete", shell, *words)
        assert (done.returncode, done.stderr) == (0, "")
        _, *lines = done.stdout.split("\n")[:-1]
        return {line.partition("\t")[0]: line.partition("\t")[2] for line in lines}

    def how(self, *words: str) -> str:
        """What the shell is to do besides."""
        return str(self.daemon.run("--complete", "fish", *words).stdout.split("\n")[0])


@pytest.fixture(scope="module")
def jobs() -> Iterator[Jobs]:
    config = '[projects.other]\npath = "{root}/overbits"\n[projects.jobsite]\npath = "{root}/overbits"\n'
    with private_daemon("[daemon]\nmax_running = 1\n" + config) as daemon, daemon.connect() as wire:
        ids = []
        for argv, tags in ((["true"], {"kind": "a b"}), (["false"], {}), (["sleep", "1000"], {}), (["true"], {})):
            ids.append(wire.ok(op="dispatch", project="overbits", argv=argv, tags=tags)["job"])
            if len(ids) < 3:
                wire.ok(op="wait", jobs=ids)
        eventually(lambda: wire.ok(op="status", job=ids[2])["job"]["state"] == "running")
        yield Jobs(daemon, running=ids[2], completed=ids[0], failed=ids[1], queued=ids[3])


def test_the_first_word_is_a_command_or_a_project(jobs: Jobs) -> None:
    assert jobs.offers("job") == {
        "jobs": "list jobs, show their details, or watch them",
        "jobsite": str(jobs.daemon.project),
    }


def test_each_command_is_offered_the_jobs_that_it_is_for(jobs: Jobs) -> None:
    assert set(jobs.offers("cancel", "")) == {jobs.running, jobs.queued}
    assert set(jobs.offers("pause", "")) == {jobs.running}
    assert set(jobs.offers("retry", "")) == {jobs.completed, jobs.failed}
    assert set(jobs.offers("edit", "")) == {jobs.queued}
    assert set(jobs.offers("answer", "")) == set()
    assert set(jobs.offers("logs", "")) == {jobs.running, jobs.completed, jobs.failed, jobs.queued}
    assert next(iter(jobs.offers("logs", ""))) == jobs.queued, "the newest first"


def test_a_job_is_offered_with_its_state_and_its_task(jobs: Jobs) -> None:
    assert jobs.offers("pause", "") == {jobs.running: "running: sleep 1000"}


def test_a_job_is_found_by_the_end_of_its_id_and_by_its_name(jobs: Jobs) -> None:
    end = jobs.running[-4:]
    assert set(jobs.offers("pause", end)) == {jobs.running}
    assert jobs.how("pause", end) == "instead"
    assert f"agent:overbits:{jobs.running}" in jobs.offers("logs", "agent:over")
    assert set(jobs.offers("logs", "@")) == {"@last", "@running", "@failed"}


def test_the_second_of_several_jobs_is_offered_too(jobs: Jobs) -> None:
    assert set(jobs.offers("wait", jobs.running, "")) == {jobs.running, jobs.queued}
    assert set(jobs.offers("--after", jobs.running, "x")) == set()
    begun = f"{jobs.running},{jobs.queued[:8]}"
    assert f"{jobs.running},{jobs.queued}" in jobs.offers("--after", begun)


def test_values_of_options_are_offered(jobs: Jobs) -> None:
    assert set(jobs.offers("jobs", "--state", "c")) == {"completed", "cancelled"}
    assert set(jobs.offers("jobs", "--state", "failed,ti")) == {"failed,timed_out"}
    assert set(jobs.offers("jobs", "--state=lo")) == {"--state=lost"}
    assert set(jobs.offers("jobs", "--project", "o")) == {"overbits", "other"}
    assert set(jobs.offers("jobs", "--tag", "k")) == {"kind=a b"}
    assert "shell" in jobs.offers("--agent", "s")
    assert set(jobs.offers("--retry-on", "failed,l")) == {"failed,lost"}
    assert set(jobs.offers("jobs", "--format", "id,st")) == {"id,state", "id,status", "id,started"}
    assert "duration" in jobs.offers("jobs", "--sort", "")
    assert jobs.how("--cwd", "x") == "directories"


def test_models_and_permission_modes_are_offered_with_the_agents_that_know_them() -> None:
    config = '[agents.claude]\nmodel = "opus-9"\n[projects.site]\npath = "{root}"\nagent = "codex"\nmodel = "gpt-9"\n'
    config += '[agents.mine]\ncommand = ["true", "{task}", "--model={model}"]\n'
    with private_daemon(config) as daemon, daemon.connect() as wire:
        wire.ok(op="dispatch", project="overbits", task="x", agent="mine", model="tiny")
        jobs = Jobs(daemon, "", "", "", "")
        models = jobs.offers("--model", "")
        assert {name: models[name] for name in ("opus-9", "gpt-9", "tiny", "opus")} == {
            "opus-9": "claude",
            "gpt-9": "codex",
            "tiny": "mine",
            "opus": "claude",
        }
        assert set(jobs.offers("site", "--model=gpt")) == {"--model=gpt-9"}
        assert set(jobs.offers("schedule", "add", "n", "--model", "gpt")) == {"gpt-9"}
        assert "claude" in jobs.offers("--permission-mode", "pl")["plan"]


def test_options_are_offered_with_what_they_do_until_the_task_begins(jobs: Jobs) -> None:
    assert jobs.offers("overbits", "--agen")["--agent"] == "the agent to use; see `luzia agents`"
    assert jobs.offers("overbits", "fix", "--agen") == {}
    assert jobs.how("run", "overbits", "--", "ma") == "files"
    assert "--json" in jobs.offers("projects", "--js")
    assert "--agent" in jobs.offers("projects", "add", "x", "/x", "--a")


def test_directories_with_jobs_are_offered_by_their_names(jobs: Jobs) -> None:
    (jobs.daemon.root / "place").mkdir()
    with jobs.daemon.connect() as wire:
        wire.ok(op="dispatch", project=f"{jobs.daemon.root}/place", argv=["true"], hold=True)
    for words in (["pl"], ["cancel", "--project", "pl"], ["run", "pl"]):
        assert set(jobs.offers(*words)) == {"place"}, words
    assert jobs.offers("projects", "remove", "pl") == {}


def test_actions_topics_and_shells_are_offered(jobs: Jobs) -> None:
    assert set(jobs.offers("projects", "")) == {"list", "add", "remove"}
    assert set(jobs.offers("projects", "remove", "j")) == {"jobsite"}
    assert set(jobs.offers("daemon", "re")) == {"restart", "reload", "restore"}
    assert set(jobs.offers("completions", "")) == {"bash", "zsh", "fish"}
    assert {"ids", "jobs"} <= set(jobs.offers("help", ""))


def test_bash_gets_what_stands_behind_its_own_breaks_of_a_word(jobs: Jobs) -> None:
    assert set(jobs.offers("jobs", "--state", "=", "failed,ti", shell="bash")) == {"failed,timed_out"}
    named = ("logs", "agent", ":", "overbits", ":", jobs.running[:-1])
    assert set(jobs.offers(*named, shell="bash")) == {jobs.running}
    assert set(jobs.offers("jobs", "--tag", "kind", "=", "a", shell="bash")) == {"a\\ b"}


def test_a_task_can_do_nothing_to_the_terminal(jobs: Jobs) -> None:
    with jobs.daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", agent="shell", task=HOSTILE)["job"]
    for shell in ("bash", "zsh", "fish"):
        printed = jobs.daemon.run("--complete", shell, "cancel", "").stdout
        assert job in printed
        assert not {"\x1b", "\x07", "\u202e"} & set(printed)
    assert "it's" in jobs.offers("cancel", "")[job]


def test_a_daemon_that_is_not_there_is_not_started_and_not_missed() -> None:
    with private_daemon() as daemon:
        daemon.stop()
        done = daemon.run("--complete", "fish", "cancel", "")
        assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
        assert "cancel" in daemon.run("--complete", "fish", "can").stdout
        assert not os.path.exists(daemon.socket)


def test_a_daemon_that_hangs_is_not_waited_for(jobs: Jobs) -> None:
    assert jobs.daemon.process is not None
    jobs.daemon.process.send_signal(signal.SIGSTOP)
    try:
        assert jobs.offers("cancel", "") == {}
        assert "cancel" in jobs.offers("can")
    finally:
        jobs.daemon.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("answer", [b"nonsense\n", b"[]\n", b'{"ok": {"jobs": [7]}}\n', b'{"error": {}}\n', b""])
def test_an_answer_that_makes_no_sense_offers_nothing(answer: bytes) -> None:
    with private_daemon() as daemon:
        daemon.stop()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(daemon.socket)
            listener.listen()
            listener.settimeout(DEADLINE_S)
            answering = threading.Thread(target=_answer_once, args=(listener, answer))
            answering.start()
            done = daemon.run("--complete", "fish", "cancel", "")
            answering.join()
        assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def _answer_once(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)
