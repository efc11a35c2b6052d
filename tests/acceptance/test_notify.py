"""`luzia notify` with real counterparts: an SMTP server, HTTP servers and programs, and over kills."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from git_projects import Repository
from private_luzia import DEADLINE_S, PrivateLuzia, count_wakeups, private_luzia, until
from receivers import Mailbox, Sink, cursor, mailbox, sink

__all__ = ["mailbox", "sink"]

ROUNDS = 12


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        yield luzia


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def configure(luzia: PrivateLuzia, text: str) -> None:
    Path(luzia.env["LUZIA_CONFIG"]).write_text(text)


def start(luzia: PrivateLuzia) -> subprocess.Popen[bytes]:
    """Start `luzia notify run`, and wait until it follows the daemon."""
    notify = luzia.start("notify", "run")
    database = Path(luzia.env["LUZIA_STATE_DIR"], "notify.db")
    until(lambda: cursor(database) is not None or notify.poll() is not None, "it follows the daemon")
    assert notify.poll() is None, notify.communicate()
    return notify


def webhook(url: str, rule: str = "", target: str = "") -> str:
    return (
        f'[notify.targets.hook]\nwebhook = "{url}"\n{target}\n[[notify.rules]]\ntargets = ["hook"]\n'
        f'events = ["finished", "failed"]\n{rule}\n'
    )


def log(luzia: PrivateLuzia) -> list[dict[str, Any]]:
    return list(json.loads(luzia.run("notify", "log", "--json").stdout))


def test_the_end_of_a_job_is_mailed_with_what_matters(luzia: PrivateLuzia, mailbox: tuple[Mailbox, int]) -> None:
    received, port = mailbox
    luzia.env["MAIL_URL"] = f"mailto://127.0.0.1:{port}?from=luzia@example.org&to=me@example.org&mode=insecure"
    configure(
        luzia,
        '[notify]\nlink = "https://luzia.example.org"\n[notify.targets.mail]\nurl_env = "MAIL_URL"\n'
        '[[notify.rules]]\ntargets = ["mail"]\nevents = ["failed"]\n',
    )
    client = luzia.client()
    start(luzia)
    client.wait([luzia.shell("true"), job := luzia.shell("echo tried; exit 3")])
    until(lambda: received.messages, "the message arrives")
    [message] = received.messages
    for words in ("To: me@example.org", job, "failed", "exit code 3", f"https://luzia.example.org/#/job/{job}"):
        assert words in message, words


def test_a_server_that_refuses_gets_the_message_later(luzia: PrivateLuzia, mailbox: tuple[Mailbox, int]) -> None:
    received, port = mailbox
    received.answers = ["451 try again later"]
    luzia.env["MAIL_URL"] = f"mailto://127.0.0.1:{port}?from=luzia@example.org&to=me@example.org&mode=insecure"
    configure(luzia, '[notify.targets.mail]\nurl_env = "MAIL_URL"\n[[notify.rules]]\ntargets = ["mail"]\n')
    client = luzia.client()
    start(luzia)
    client.wait([luzia.shell("false")])
    until(lambda: not received.answers, "the first try is refused")
    until(lambda: received.messages, "the second one is not")
    until(lambda: any(row["status"] == "sent" and row["tries"] >= 1 for row in log(luzia)), "the log says so")


def test_a_webhook_is_signed_and_has_the_whole_event(luzia: PrivateLuzia, sink: Sink, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret-value\n")
    secret.chmod(0o600)
    configure(luzia, webhook(sink.url, target=f'secret_file = "{secret}"'))
    client = luzia.client()
    start(luzia)
    job = luzia.shell("exit 3")
    client.wait([job])
    until(lambda: sink.received, "the request arrives")
    [event], [headers], [content] = sink.received, sink.headers, sink.bodies
    assert (event["subject"], event["fields"]["job"], event["fields"]["reason"]) == ("failed", job, "exit code 3")
    signed = f"{headers['X-Luzia-Timestamp']}.".encode() + content
    assert headers["X-Luzia-Signature"] == "sha256=" + hmac.new(b"s3cret-value", signed, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("answer", [(500, {}), (429, {"Retry-After": "1"}), (302, {"Location": "http://127.0.0.1:1/"})])
def test_a_webhook_that_fails_is_tried_again(
    luzia: PrivateLuzia, sink: Sink, answer: tuple[int, dict[str, str]]
) -> None:
    sink.answers = [answer]
    configure(luzia, webhook(sink.url))
    client = luzia.client()
    start(luzia)
    client.wait([luzia.shell("true")])
    until(lambda: sink.received, "the request arrives")
    until(lambda: [row["status"] for row in log(luzia)] == ["sent"], "it is marked")
    [row] = log(luzia)
    assert row["tries"] == 1


def test_a_target_that_hangs_holds_up_no_other(luzia: PrivateLuzia, sink: Sink, silent_port: int) -> None:
    configure(
        luzia,
        f'[notify.targets.slow]\nwebhook = "http://127.0.0.1:{silent_port}/"\n[[notify.rules]]\ntargets = ["slow"]\n'
        + webhook(sink.url),
    )
    client = luzia.client()
    notify = start(luzia)
    for number in range(1, 4):
        client.wait([luzia.shell("true")])
        until(lambda number=number: len(sink.received) == number, "the other target is told")  # type: ignore[misc]
    assert {row["status"] for row in log(luzia) if row["target"] == "slow"} == {"pending"}
    notify.terminate()
    assert notify.wait(DEADLINE_S) == 0


def test_a_program_gets_the_event_and_its_fields(luzia: PrivateLuzia, tmp_path: Path) -> None:
    out = tmp_path / "out"
    line = 'printf "%s|%s|%s\\n" "$LUZIA_SUBJECT" "$LUZIA_JOB" "$LUZIA_TASK"'
    script = f"{line} > {out}.part; cat >> {out}.part; mv {out}.part {out}"
    configure(
        luzia,
        f"[notify.targets.script]\ncommand = ['sh', '-c', '''{script}''']\n[[notify.rules]]\ntargets = ['script']\n"
        'events = ["finished"]\n',
    )
    client = luzia.client()
    start(luzia)
    job = luzia.shell("true  # ünïcode 😀")
    client.wait([job])
    until(out.exists, "the program has run")
    first, event = out.read_text().splitlines()
    assert first == f"finished|{job}|true # ünïcode 😀"
    assert json.loads(event)["fields"]["project"] == "project"


def test_many_notices_at_once_become_one_message(luzia: PrivateLuzia, sink: Sink) -> None:
    configure(luzia, f"[daemon]\nmax_running = 8\n{webhook(sink.url)}")
    client = luzia.client()
    luzia.env["LUZIA_NO_AUTOSTART"] = "1"
    start(luzia).kill()
    client.wait([luzia.shell("true") for _ in range(12)])
    start(luzia)
    until(lambda: sum(len(message.get("notices", [1])) for message in sink.received) == 12, "all are told")
    assert len(sink.received) <= 6
    assert any(title.endswith("notices from luzia") for title in sink.titles)


def test_a_digest_collects_and_quiet_hours_wait(luzia: PrivateLuzia, sink: Sink) -> None:
    configure(luzia, webhook(sink.url, rule="digest_s = 1.5"))
    client = luzia.client()
    start(luzia)
    client.wait([luzia.shell("true") for _ in range(3)])
    until(lambda: sum(len(message.get("notices", [1])) for message in sink.received) == 3, "all are told")
    assert len(sink.received) <= 2


def test_a_notice_tells_what_the_job_has_changed(luzia: PrivateLuzia, sink: Sink) -> None:
    repository = Repository(Path(luzia.project), Path(luzia.root, "home"))
    repository.git("init", "-q")
    repository.git("commit", "-q", "--allow-empty", "-m", "first")
    configure(luzia, webhook(sink.url))
    client = luzia.client()
    start(luzia)
    command = "printf 'a\\nb\\n' > new; printf 'x\\n' > other"
    client.wait([client.dispatch(luzia.project, command, agent="shell", worktree=True).job])
    until(lambda: sink.received, "the request arrives")
    assert sink.received[0]["fields"]["files"] == "2 files, +3 −0"
    assert "2 files, +3 −0" in sink.received[0]["body"]


def test_what_waits_for_delivery_is_a_metric(luzia: PrivateLuzia, silent_port: int) -> None:
    configure(luzia, webhook(f"http://127.0.0.1:{silent_port}/"))
    client = luzia.client()
    start(luzia)
    client.wait([luzia.shell("true"), luzia.shell("false")])
    until(lambda: len(log(luzia)) == 2, "both are taken in")
    assert b'luzia_notify_outbox{target="hook"} 2.0' in luzia.run("metrics", "--once").stdout


def test_what_happens_to_the_daemon_and_the_queue_is_told(luzia: PrivateLuzia, sink: Sink) -> None:
    configure(
        luzia,
        webhook(sink.url).replace('events = ["finished", "failed"]', 'events = ["queue_empty", "daemon_restarted"]'),
    )
    client = luzia.client()
    start(luzia)
    client.wait([luzia.shell("sleep 0.1"), luzia.shell("sleep 0.2")])
    until(lambda: "All jobs have ended" in sink.titles, "the empty queue is told")
    luzia.kill_daemon()
    luzia.client()
    until(lambda: "luziad has been restarted" in sink.titles, "the restart is told")


def test_a_job_names_its_target_or_wants_no_notice(luzia: PrivateLuzia, sink: Sink) -> None:
    configure(luzia, webhook(sink.url, rule='projects = ["elsewhere"]'))
    client = luzia.client()
    start(luzia)
    options = ("--agent", "shell", luzia.project, "true")
    named = luzia.run("--notify", "hook", *options).stdout.decode().strip()
    client.wait([luzia.shell("true"), named])
    until(lambda: sink.received, "the request arrives")
    assert [message["fields"]["job"] for message in sink.received] == [client.get_job(named).id]
    configure(luzia, webhook(sink.url))
    silent = luzia.run("--no-notify", *options).stdout.decode().strip()
    assert client.get_job(silent).tags == {"notify": "none"}


def test_a_rule_for_a_name_that_nothing_has_is_told_by_every_command_that_reads_it(
    luzia: PrivateLuzia, sink: Sink
) -> None:
    configure(luzia, webhook(sink.url, rule='projects = ["projct"]\nagents = ["cluade"]\ntags = {taem = "web"}'))
    client = luzia.client()
    client.wait([client.dispatch(luzia.project, "true", agent="shell", tags={"team": "web"}).job])
    told = [
        b"rule 1 of [[notify.rules]]: unknown project 'projct'\n  ",
        b"Did you mean 'project'?",
        b"unknown agent 'cluade'\n  ",
        b"unknown tag 'taem'\n  ",
    ]
    reloaded = luzia.run("daemon", "reload")
    assert reloaded.returncode == 0
    for words in told:
        assert words in reloaded.stderr
    doctor = luzia.run("doctor").stdout
    for words in (words.removesuffix(b"\n  ") for words in told):
        assert words in doctor
    notify = start(luzia)
    notify.terminate()
    _, stderr = notify.communicate(timeout=DEADLINE_S)
    for words in told:
        assert stderr.count(words) == 1
    configure(luzia, webhook(sink.url, rule='projects = ["project"]\nagents = ["shell"]\ntags = {team = "web"}'))
    assert luzia.run("daemon", "reload").stderr == b""
    assert b"[[notify.rules]]" not in luzia.run("doctor").stdout


def test_a_mistake_in_the_tables_is_told_by_doctor_and_at_a_reload(luzia: PrivateLuzia) -> None:
    configure(luzia, '[notify.targets.desk]\ndesktop = true\n[[notify.rules]]\ntargets = ["dekc"]\n')
    luzia.client()
    assert b"unknown target 'dekc'\n  Configured: desk.\n" in luzia.run("daemon", "reload").stderr
    assert b"unknown target 'dekc'" in luzia.run("doctor").stdout
    luzia.stop_daemon()
    assert b"unknown target 'dekc'" in luzia.run("doctor").stdout


def test_a_notice_for_a_target_that_does_not_exist_is_told(luzia: PrivateLuzia, sink: Sink) -> None:
    configure(luzia, webhook(sink.url))
    client = luzia.client()
    start(luzia)
    job = luzia.run("--notify", "hok", "--agent", "shell", luzia.project, "true").stdout.decode().strip()
    client.wait([job])
    until(lambda: sink.received, "the rule's target is told")
    [lost] = [row for row in log(luzia) if row["target"] == "hok"]
    assert (lost["status"], lost["error"]) == ("dead", "unknown target; configured: hook")
    assert b"1 notification was not delivered to hok: unknown target; configured: hook" in luzia.run("doctor").stdout


def test_nothing_is_lost_whatever_is_killed(luzia: PrivateLuzia, tmp_path: Path) -> None:
    """Twice only if it was killed between sending and marking; so at most once more for each kill."""
    told = tmp_path / "told"
    script = f"""printf "%s\\n" "$(cat)" >> {told}"""
    configure(
        luzia,
        f'[notify.targets.script]\ncommand = ["sh", "-c", \'{script}\']\n[[notify.rules]]\ntargets = ["script"]\n'
        'events = ["finished"]\n',
    )
    rounds = int(os.environ.get("LUZIA_NOTIFY_ROUNDS", ROUNDS))
    chance = random.Random(7)
    client = luzia.client()
    notify = start(luzia)
    jobs: list[str] = []
    for turn in range(rounds):
        jobs += [client.dispatch(luzia.project, "true", agent="shell").job for _ in range(2)]
        timer = threading.Event()
        timer.wait(chance.random() * 0.4)  # the moment of the kill is what varies
        notify.send_signal(signal.SIGKILL)
        notify.wait(DEADLINE_S)
        if turn % 4 == 3:
            luzia.kill_daemon()
            client = luzia.client()
        notify = luzia.start("notify", "run")
    client.wait(jobs)

    def arrived() -> list[str]:
        database = Path(luzia.env["LUZIA_STATE_DIR"], "notify.db")
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as opened:
            rows = opened.execute("SELECT notice FROM notices WHERE status = 'sent'").fetchall()
        return [json.loads(notice)["fields"]["job"] for (notice,) in rows]

    until(lambda: sorted(arrived()) == sorted(jobs), "every job is told", 6 * DEADLINE_S)
    messages = [json.loads(message) for message in told.read_text().splitlines()]
    named = [{each["fields"]["job"] for each in message.get("notices", [message])} for message in messages]
    assert set().union(*named) == set(jobs)
    assert sum(bool(names & set().union(*named[:number])) for number, names in enumerate(named)) <= rounds


def test_no_secret_is_shown_anywhere(luzia: PrivateLuzia, silent_port: int, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("json://user:pass-w0rd@127.0.0.1:1/token-S3CRET")
    file.chmod(0o600)
    configure(luzia, f'[notify.targets.web]\nurl_file = "{file}"\n[[notify.rules]]\ntargets = ["web"]\n')
    client = luzia.client()
    notify = start(luzia)
    client.wait([luzia.shell("false")])
    until(lambda: any(row["error"] for row in log(luzia)), "the delivery fails")
    shown = [luzia.run("notify", *words) for words in (("status",), ("log", "--json"), ("test", "web"))]
    notify.terminate()
    output = notify.communicate(timeout=DEADLINE_S)
    stored = b"".join(path.read_bytes() for path in Path(luzia.root).rglob("*") if path.is_file())
    for secret in (b"pass-w0rd", b"S3CRET"):
        assert not any(secret in each.stdout + each.stderr for each in shown)
        assert secret not in b"".join(output) + stored


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("run",), 74, b"no targets in"),
        (("test", "phnoe"), 2, b"unknown target 'phnoe'"),
        (("test",), 2, b"missing TARGET"),
        ((), 2, b"missing ACTION"),
    ],
)
def test_wrong_words_are_told(luzia: PrivateLuzia, words: tuple[str, ...], status: int, message: bytes) -> None:
    refused = luzia.run("notify", *words)
    assert (refused.returncode, message in refused.stderr) == (status, True), refused.stderr


def test_a_test_message_is_sent_at_once(luzia: PrivateLuzia, sink: Sink) -> None:
    configure(luzia, webhook(sink.url))
    assert luzia.run("notify", "test", "hook").stdout.decode() == "✓ sent to hook\n"
    assert sink.titles == ["✓ overbits: a test of luzia's notifications"]


def test_one_process_delivers(luzia: PrivateLuzia, sink: Sink) -> None:
    configure(luzia, webhook(sink.url))
    luzia.client()
    start(luzia)
    second = luzia.run("notify", "run")
    assert second.returncode == 74
    assert b"another `luzia notify` uses" in second.stderr


def test_a_mistake_in_the_tables_does_not_stop_the_daemon(luzia: PrivateLuzia) -> None:
    configure(luzia, "[notify.targets.hook]\nwebhok = 'http://127.0.0.1:1/'\n")
    assert luzia.client().get_info().pid
    refused = luzia.run("notify", "run")
    assert refused.returncode == 74
    assert b"webhok" in refused.stderr


def test_idle_means_no_wakeups(luzia: PrivateLuzia, sink: Sink) -> None:
    configure(luzia, webhook(sink.url))
    client = luzia.client()
    notify = start(luzia)
    client.wait([luzia.shell("true")])
    until(lambda: [row["status"] for row in log(luzia)] == ["sent"], "it is told")
    counts: list[int] = []

    def has_slept() -> bool:
        counts.append(count_wakeups(notify.pid))
        return len(counts) > 50 and len(set(counts[-50:])) == 1

    until(has_slept, "a second without a wakeup")
