"""`luzia jobs`, `luzia jobs --watch` and `luzia logs` as real commands with a real daemon."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until


@pytest.fixture(scope="module")
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        yield luzia


@pytest.fixture
def fresh() -> Iterator[PrivateLuzia]:
    """A luzia with no jobs, whose daemon may be killed."""
    with private_luzia() as luzia:
        yield luzia


def ended(luzia: PrivateLuzia, command: str) -> str:
    """Run a shell command as a job to its end; returns the job's id."""
    job = luzia.shell(command)
    luzia.client().wait([job], timeout_s=DEADLINE_S)
    return job


def gate(luzia: PrivateLuzia, name: str) -> tuple[str, str]:
    """A FIFO, as a shell command that waits until it is opened for writing, and as its path."""
    path = os.path.join(luzia.root, name)
    os.mkfifo(path)
    return f"cat {path} >/dev/null", path


def open_gate(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY))


class Terminal:
    """A command on a terminal of its own, and what it has written there."""

    def __init__(self, luzia: PrivateLuzia, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        self.written = b""
        self.process = subprocess.Popen(
            luzia.command(*words),
            env={**luzia.env, "TERM": "xterm-256color"},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def read_until(self, text: str) -> str:
        deadline = time.monotonic() + DEADLINE_S
        while text.encode() not in self.written:
            ready, _, _ = select.select([self._ours], [], [], deadline - time.monotonic())
            assert ready, f"never written: {text!r}; only {self.written!r}"
            self._read()
        return self.written.decode()

    def end(self) -> tuple[int, str]:
        with contextlib.suppress(OSError):  # the other end is closed
            while True:
                self._read()
        os.close(self._ours)
        return self.process.wait(DEADLINE_S), self.written.decode()

    def _read(self) -> None:
        self.written += os.read(self._ours, 65536)


def test_jobs_prints_the_counts_and_a_row_for_each_job(luzia: PrivateLuzia) -> None:
    good, bad = ended(luzia, "true"), ended(luzia, "exit 3")
    lines = luzia.run("jobs").stdout.decode().splitlines()
    assert lines[0] == "Task Summary:"
    assert lines[1].startswith("  Running: ")
    rows = {line.split()[0]: line.split() for line in lines if line}
    assert rows[good][3] == "completed"
    assert rows[bad][3] == "failed"


def test_jobs_as_json_are_the_objects_of_the_wire(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "exit 3")
    lines = luzia.run("jobs", "--json", "--state", "failed").stdout.splitlines()
    objects = {each["id"]: each for each in map(json.loads, lines)}
    assert (objects[job]["state"], objects[job]["exit_code"]) == ("failed", 3)
    assert {each["state"] for each in objects.values()} == {"failed"}
    assert json.loads(luzia.run("jobs", job, "--json").stdout)["attempts"][0]["exit_code"] == 3


def test_a_limit_says_that_there_is_more(luzia: PrivateLuzia) -> None:
    ended(luzia, "true")
    ended(luzia, "true")
    limited = luzia.run("jobs", "--limit", "1")
    assert len(limited.stdout.splitlines()) == 5
    assert b"more; show them with --all" in limited.stderr
    assert b"more" not in luzia.run("jobs", "--all").stderr


def test_several_ids_show_everything_about_each_and_tell_those_that_are_none(luzia: PrivateLuzia) -> None:
    one, two = ended(luzia, "true"), ended(luzia, "exit 3")
    both = luzia.run("jobs", one, two, "no-such-job")
    assert both.returncode == 4
    assert f"Job {one}  completed" in both.stdout.decode()
    assert "Exit code:     3" in both.stdout.decode()
    assert b"no-such-job" in both.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--state", "nonsense"),
        ("--limit", "0"),
        ("--limit", "3", "--all"),
        ("x", "--all"),
        ("-w", "--state", "failed"),
    ],
)
def test_options_that_make_no_sense_are_refused(luzia: PrivateLuzia, words: tuple[str, ...]) -> None:
    assert luzia.run("jobs", *words).returncode == 2


def test_logs_are_the_exact_bytes(luzia: PrivateLuzia) -> None:
    job = ended(luzia, r"printf 'a\000b\377\033[2J\nlast\n'")
    assert luzia.run("logs", job).stdout == b"a\0b\xff\x1b[2J\nlast\n"
    assert luzia.run("logs", job, "-n", "1").stdout == b"last\n"
    assert luzia.run("logs", job, "--stderr").stdout == b""
    assert json.loads(luzia.run("logs", job, "-n", "1", "--json").stdout)["data"] == "last\n"
    assert luzia.run("logs", job, "--attempt", "7").returncode == 4


def test_logs_of_many_pieces_are_whole(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "seq 500000")
    assert luzia.run("logs", job).stdout == b"".join(b"%d\n" % n for n in range(1, 500001))


def test_on_a_terminal_logs_keep_colours_and_nothing_else_that_steers_it(luzia: PrivateLuzia) -> None:
    job = ended(luzia, r"printf '\033[31mred\033[0m \033[2J\007\n'")
    status, written = Terminal(luzia, "logs", job).end()
    assert status == 0
    assert "\x1b[31mred\x1b[0m ^[[2J^G" in written


def test_logs_are_followed_from_the_queue_over_a_crash_of_the_daemon_to_the_end(fresh: PrivateLuzia) -> None:
    wait, path = gate(fresh, "gate")
    job = fresh.shell(f"seq 1000; {wait}; seq 1001 2000")
    following = fresh.start("logs", "-f", job)
    assert following.stdout is not None
    first = b"".join(following.stdout.readline() for _ in range(1000))
    fresh.kill_daemon()
    fresh.client()
    open_gate(path)
    rest, _ = following.communicate(timeout=DEADLINE_S)
    assert first + rest == b"".join(b"%d\n" % n for n in range(1, 2001))
    assert following.returncode == 0


def test_following_is_ended_by_ctrl_c(luzia: PrivateLuzia) -> None:
    job = luzia.shell("echo begun; sleep 1000")
    following = luzia.start("logs", "-f", job)
    assert following.stdout is not None
    assert following.stdout.readline() == b"begun\n"
    following.send_signal(signal.SIGINT)
    assert following.wait(DEADLINE_S) == 130
    luzia.client().cancel(job)


def test_watching_without_any_live_job_says_so_and_ends(fresh: PrivateLuzia) -> None:
    watched = fresh.run("jobs", "--watch")
    assert (watched.returncode, watched.stdout) == (0, b"No jobs are running or queued.\n")


def test_watching_on_a_pipe_is_one_line_a_change_and_a_summary(luzia: PrivateLuzia) -> None:
    wait, path = gate(luzia, "pipe-gate")
    job = luzia.shell(f"{wait}; exit 3")
    watching = luzia.start("jobs", "--watch", job)
    assert watching.stdout is not None
    lines = [watching.stdout.readline().decode()]
    while "running" not in lines[-1]:
        lines.append(watching.stdout.readline().decode())
    luzia.client().report_progress(job, percent=60, label="tests")
    while "60%" not in lines[-1]:
        lines.append(watching.stdout.readline().decode())
    assert f"{job} project running [██████░░░░] 60% tests" in lines[-1]
    open_gate(path)
    rest, _ = watching.communicate(timeout=DEADLINE_S)
    assert f"{job} project failed: exit code 3" in rest.decode()
    assert "Task Summary:\n  Running: 0  Pending: 0  Completed: 0  Failed: 1" in rest.decode()
    assert watching.returncode == 0
    assert b"\x1b" not in rest


def test_watching_as_json_is_one_job_a_change(luzia: PrivateLuzia) -> None:
    job = luzia.shell("exit 3")
    watched = luzia.run("jobs", "--watch", job, "--json")
    last = json.loads(watched.stdout.splitlines()[-1])
    assert (last["id"], last["state"], last["exit_code"]) == (job, "failed", 3)


def test_watching_goes_on_over_a_crash_of_the_daemon(fresh: PrivateLuzia) -> None:
    wait, path = gate(fresh, "gate")
    job = fresh.shell(f"{wait}; exit 3")
    watching = fresh.start("jobs", "--watch")
    assert watching.stdout is not None
    assert job in watching.stdout.readline().decode()
    fresh.kill_daemon()
    fresh.client()
    open_gate(path)
    rest, _ = watching.communicate(timeout=DEADLINE_S)
    assert f"{job} project failed: exit code 3" in rest.decode()


def test_watching_everything_also_shows_what_is_dispatched_meanwhile(fresh: PrivateLuzia) -> None:
    wait, path = gate(fresh, "gate")
    first = fresh.shell(wait)
    watching = fresh.start("jobs", "--watch", "--json")
    assert watching.stdout is not None
    assert json.loads(watching.stdout.readline())["id"] == first
    second = ended(fresh, "true")
    open_gate(path)
    rest, _ = watching.communicate(timeout=DEADLINE_S)
    states = {(each["id"], each["state"]) for each in map(json.loads, rest.splitlines())}
    assert {(first, "completed"), (second, "completed")} <= states


def test_a_live_screen_ends_with_the_table_and_the_counts(luzia: PrivateLuzia) -> None:
    wait, path = gate(luzia, "live-gate")
    job = luzia.shell(wait)
    terminal = Terminal(luzia, "jobs", "-w", job)
    terminal.read_until("running")
    open_gate(path)
    status, written = terminal.end()
    assert status == 0
    assert "\x1b[?25l" in written
    last = written.rsplit("\x1b[?25h", 1)[1]
    assert job in last
    assert "Completed: 1" in last


def test_ctrl_c_leaves_a_live_screen_cleanly(luzia: PrivateLuzia) -> None:
    job = luzia.shell("sleep 1000")
    terminal = Terminal(luzia, "jobs", "-w", job)
    terminal.read_until("running")
    terminal.process.send_signal(signal.SIGINT)
    status, written = terminal.end()
    assert status == 130
    assert written.endswith("\x1b[?25h")
    assert "Traceback" not in written
    luzia.client().cancel(job)


def test_a_reader_that_goes_away_is_no_error(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "seq 500000")
    reading = luzia.start("logs", job)
    assert reading.stdout is not None
    reading.stdout.read(10)
    reading.stdout.close()
    until(lambda: reading.poll() is not None, "logs ends")
    assert reading.returncode == 141
    assert reading.stderr is not None
    assert reading.stderr.read() == b""
