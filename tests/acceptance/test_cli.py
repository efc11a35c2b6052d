"""The command line as a user has it: real commands, real pipes and terminals, and everything that can be wrong."""

from __future__ import annotations

import json
import os
import pty
import socket
import stat
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wcwidth import wcswidth

from luzia_protocol.requests import MAX_PAGE

from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until

MANY = 10_000


@pytest.fixture(scope="module")
def shared() -> Iterator[PrivateLuzia]:
    """A luzia for tests that only add jobs to it."""
    with private_luzia() as luzia:
        with_command(luzia)
        yield luzia


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        with_command(luzia)
        yield luzia


def with_command(luzia: PrivateLuzia) -> None:
    """Put `luzia` on the PATH of its commands and jobs."""
    directory = Path(luzia.root, "bin")
    directory.mkdir()
    command = directory / "luzia"
    command.write_text(f"#!{sys.executable}\nimport sys\nfrom luzia_client.cli.main import main\nsys.exit(main())\n")
    command.chmod(0o755)
    luzia.env["PATH"] = f"{directory}:{luzia.env['PATH']}"


def sh(luzia: PrivateLuzia, line: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in the project."""
    return subprocess.run(
        ["bash", "-c", line],
        env=luzia.env,
        cwd=luzia.project,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        **more,
    )


def job_of(luzia: PrivateLuzia, job: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(luzia.run("jobs", job, "--json").stdout)
    return told


def dispatched(luzia: PrivateLuzia, command: str) -> str:
    """Dispatch a shell command with the command line, so that its job finds `luzia` too; returns the job's id."""
    return luzia.run(".", "--agent", "shell", command).stdout.decode().strip().rpartition(":")[2]


def ended(luzia: PrivateLuzia, command: str) -> str:
    job = luzia.shell(command)
    luzia.run("wait", job)
    return job


def output(luzia: PrivateLuzia, job: str) -> str:
    luzia.run("wait", job)
    return luzia.run("logs", job).stdout.decode()


def starts(luzia: PrivateLuzia) -> int:
    """How many daemons have become ready so far."""
    return Path(luzia.root, "state", "luziad.log").read_text().count(" luziad.app ready ")


# Dispatching


def test_three_dispatches_in_one_line_run_concurrently(luzia: PrivateLuzia) -> None:
    barrier = 'touch $LUZIA_JOB_ID.here; until [ "$(ls *.here | wc -l)" = 3 ]; do sleep 0.02; done'
    result = sh(luzia, " ".join(f"luzia . --agent shell '{barrier}' &" for _ in range(3)) + " wait")
    names = result.stdout.split()
    assert len(set(names)) == 3
    assert all(name.startswith("agent:project:") for name in names)
    assert luzia.run("wait", *names).returncode == 0
    assert starts(luzia) == 1


def test_a_name_is_printed_in_one_piece_also_without_a_buffer(luzia: PrivateLuzia) -> None:
    luzia.env["PYTHONUNBUFFERED"] = "1"
    reading, writing = os.pipe2(os.O_DIRECT)  # each write comes out as it went in
    command = luzia.start(".", "--agent", "shell", "true", stdout=writing)
    os.close(writing)
    with open(reading, "rb", buffering=0) as pieces:
        assert pieces.read(4096).endswith(b"\n")
        assert pieces.read(4096) == b""
    assert command.wait(DEADLINE_S) == 0


def test_twenty_first_commands_start_one_daemon(luzia: PrivateLuzia) -> None:
    commands = [luzia.start(".", "--agent", "shell", f"echo {number}") for number in range(20)]
    said = [command.communicate(timeout=DEADLINE_S) for command in commands]
    assert [command.returncode for command in commands] == [0] * 20, said
    names = [out.decode().strip() for out, _ in said]
    assert len(set(names)) == 20
    assert luzia.run("wait", *names).returncode == 0
    assert [output(luzia, name) for name in names] == [f"{number}\n" for number in range(20)]
    assert starts(luzia) == 1


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("words", ["jobs", "version", "doctor", ". --agent shell true"])
def test_closed_standard_streams_do_no_harm(luzia: PrivateLuzia, closed: str, words: str) -> None:
    result = sh(luzia, f"luzia {words} {closed}")
    assert (result.returncode, result.stderr) == (0, "")
    if words not in ("version", "doctor"):
        assert starts(luzia) == 1


def test_a_task_may_begin_with_a_dash(shared: PrivateLuzia) -> None:
    for words in (["--", "-x --y"], ["-n and more"], ["--", "-x", "--y"]):
        name = shared.run(".", "--agent", "shell", *words).stdout.decode().strip()
        assert job_of(shared, name)["task"] == " ".join(word for word in words if word != "--")


@pytest.mark.parametrize("source", ["@task", "-"])
def test_a_task_of_one_mebibyte_arrives_whole(shared: PrivateLuzia, source: str) -> None:
    task = ("# ü🚀\t\r\n" * 200_000).encode()[: 1024 * 1024 - 8].decode(errors="ignore").ljust(1024 * 1024 - 1, "#")
    data = task.encode()[: 1024 * 1024].decode(errors="ignore").encode()
    Path(shared.project, "task").write_bytes(data)
    name = sh(shared, f"luzia . --agent shell {source} < task").stdout.strip()
    assert job_of(shared, name)["task"].encode() == data
    assert shared.run("wait", name).returncode == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (r"luzia . --agent shell $'a\xffb'", "not valid UTF-8"),
        (r"luzia run . -- $'a\xffb'", r"'a\xffb' is not valid UTF-8"),
        (r"luzia --agent shell $'./a\xffb' true", r"'./a\xffb' is not valid UTF-8"),
        (r"luzia . --agent shell --cwd $'a\xffb' true", r"'a\xffb' is not valid UTF-8"),
        (r"HOME=$'/\xff' luzia --agent shell '~' true", "a path or a variable of the dispatch is not valid UTF-8"),
        (r"luzia . --agent shell $'@a\xffb'", r"cannot read the task from a\xffb: No such file"),
        (r"printf 'a\0b' | luzia . --agent shell -", "NUL"),
        (r"printf 'a\377' | luzia . --agent shell -", "not valid UTF-8"),
        ("luzia . --agent shell - </dev/null", "stdin is empty"),
        ("luzia . --agent shell - <&-", "stdin is empty"),
        ("luzia . --agent shell ''", "empty"),
        ("luzia . --agent shell $' \\n\\t'", "empty"),
        ("luzia . --agent shell @/", "Is a directory"),
        ("luzia . --agent shell @nothing-here", "No such file"),
        ("head -c 1048577 /dev/zero | tr '\\0' x | luzia . --agent shell -", "larger than 1 MiB"),
        ("head -c 2097152 /dev/zero | tr '\\0' x > big; luzia . --agent shell @big", "larger than 1 MiB"),
        ("luzia . --agent shell -x", "unknown option -x"),
        ("luzia . --agent shell", "no task"),
        ("luzia run .", "no command"),
        ("luzia run . -- ''", "no command"),
    ],
)
def test_a_task_that_is_none_is_refused_with_status_2(shared: PrivateLuzia, line: str, said: str) -> None:
    result = sh(shared, line)
    assert result.returncode == 2
    assert said in result.stderr
    assert result.stderr.startswith("luzia: ")
    assert result.stdout == ""


def test_run_hands_over_every_word_as_it_is(shared: PrivateLuzia) -> None:
    words = ["", "a b", "-x", "--", "$HOME", "*", "line\nend", "日本🚀", "'\"\\"]
    script = "import sys, json; print(json.dumps(sys.argv[1:]))"
    name = shared.run("run", ".", "--", sys.executable, "-c", script, *words).stdout.decode().strip()
    assert json.loads(output(shared, name)) == words


# Inside a job


def test_a_job_knows_itself_and_may_dispatch_and_report(shared: PrivateLuzia) -> None:
    inner = "echo inner of $PARENT; exit 3"
    name = dispatched(
        shared,
        "echo $LUZIA_JOB_ID $LUZIA_PROJECT $LUZIA_ATTEMPT $LUZIA_SOCKET; luzia progress 65% 'running tests'; "
        f"id=$(luzia . --agent shell --env PARENT=$LUZIA_JOB_ID '{inner}'); luzia wait $id; echo $?; luzia logs $id",
    )
    lines = output(shared, name).splitlines()
    assert lines[0] == f"{name} project 1 {shared.socket}"
    assert lines[2:] == ["1", f"inner of {name}"]
    job = job_of(shared, name)
    assert (job["progress"]["label"], job["progress"]["percent"], job["state"]) == ("running tests", 100, "completed")


def test_outside_of_a_job_progress_says_what_it_needs(shared: PrivateLuzia) -> None:
    result = shared.run("progress", "65")
    assert result.returncode == 2
    assert b"LUZIA_JOB_ID" in result.stderr
    assert b"--job" in result.stderr


def test_a_job_starts_no_daemon(luzia: PrivateLuzia) -> None:
    luzia.client()
    for action in ("start", "restart"):
        job = dispatched(luzia, f"luzia daemon {action}; echo $?")
        assert output(luzia, job).endswith("\n2\n")
    assert starts(luzia) == 1


# Naming jobs


def test_jobs_are_named_by_ids_names_and_unique_parts(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "echo it")
    last = ended(luzia, "echo last")
    for name in (job, f"agent:project:{job}", job[-4:], job[-6:]):
        assert luzia.run("logs", name).stdout == b"it\n", name
    assert luzia.run("logs", "@last").stdout == b"last\n"
    assert luzia.run("logs", f"agent:other:{job}").returncode == 4
    result = luzia.run("jobs", job[0])
    assert result.returncode == 4
    assert job.encode() in result.stderr
    assert last.encode() in result.stderr


def test_several_jobs_are_cancelled_retried_and_removed_at_once(luzia: PrivateLuzia) -> None:
    one, two, three = (luzia.shell("sleep 1000") for _ in range(3))
    result = luzia.run("cancel", one, f"agent:project:{two}", "nonsense", three[-4:])
    assert result.returncode == 4
    assert b"'nonsense'" in result.stderr
    assert luzia.run("wait", one, two, three).returncode == 5
    assert luzia.run("retry", one, two).returncode == 0
    until(lambda: job_of(luzia, two)["state"] == "running", "the retry runs")
    removed = luzia.run("remove", three, one)
    assert removed.returncode == 4  # one runs again
    assert f"job {one} is" in removed.stderr.decode()
    assert luzia.run("jobs", three).returncode == 4
    assert job_of(luzia, one)["attempt"] == 2
    assert not Path(luzia.root, "state", "jobs", three).exists()


def test_the_status_of_wait_is_the_outcome(shared: PrivateLuzia) -> None:
    timed_out = shared.run(".", "--agent", "shell", "--timeout", "0.1", "sleep 1000").stdout.decode().strip()
    cancelled, running = shared.shell("sleep 1000"), shared.shell("sleep 1000")
    shared.run("cancel", cancelled)
    good, bad = shared.shell("true"), shared.shell("exit 9")
    killed = shared.shell("kill -KILL $$")
    for job, status in ((good, 0), (bad, 1), (killed, 1), (cancelled, 5), (timed_out, 6)):
        assert shared.run("wait", job).returncode == status, job
    assert shared.run("wait", good, cancelled, bad).returncode == 1
    waited = shared.run("wait", "--timeout", "0.1", running, good)
    assert waited.returncode == 124
    assert shared.run("wait", "--timeout", "100ms", running, good).returncode == 124
    assert shared.run("wait", "--timeout", "0", running).returncode == 124
    assert waited.stdout.decode().splitlines() == [f"{running}  running", f"{good}  completed"]
    shared.run("cancel", running)


# Looking


def test_only_output_that_is_there_is_named(luzia: PrivateLuzia) -> None:
    Path(luzia.root, "config.toml").write_text(
        '[agents.two]\ncommand = ["sh", "-c", "echo out; echo err >&2", "{task}"]\nprompt = "argument"\n'
    )
    shell = ended(luzia, "echo out; echo err >&2")
    both = luzia.run(".", "--agent", "two", "x").stdout.decode().strip().rpartition(":")[2]
    luzia.run("wait", both)
    for job, streams in ((shell, ["stdout"]), (both, ["stdout", "stderr"])):
        told = luzia.run("jobs", job).stdout.decode()
        named = [line.split()[-1] for line in told.splitlines() if line.endswith(("/stdout", "/stderr"))]
        assert [os.path.basename(path) for path in named] == streams
        assert all(os.path.exists(path) for path in named)


def test_strange_tasks_leave_tables_aligned_and_the_terminal_alone(luzia: PrivateLuzia) -> None:
    tasks = [
        "# ログインボタンを直す " * 9,
        "# 👩‍👩‍👧‍👦🚀 مرحبا \u202e evil",
        "# \x1b[31m\x1b]0;title\x07\x9b2J\r x",
        "# é́́" * 40,
    ]
    for task in tasks:
        assert luzia.run(".", "--agent", "shell", task).returncode == 0
    piped = luzia.run("jobs").stdout.decode()
    lines = piped.splitlines()
    column = lines[3].index("TASK")
    assert all(line[column - 2 : column] == "  " and line[column] == "#" for line in lines[4:])
    for columns in (40, 80, 200):
        shown = on_terminal(luzia, columns, "jobs")
        rows = shown.splitlines()
        table = rows[next(number for number, row in enumerate(rows) if row.startswith("ID ")) :]
        assert len(table) == 1 + len(tasks)
        assert all(wcswidth(line) <= columns for line in table)
        assert_harmless(shown)
    for text in (piped, luzia.run("jobs", "@last").stdout.decode(), on_terminal(luzia, 80, "jobs", "@last")):
        assert_harmless(text)


def assert_harmless(text: str) -> None:
    bad = [char for char in text if unicodedata.category(char) == "Cc" and char != "\n"]
    assert not bad
    assert "\u202e" not in text


def on_terminal(luzia: PrivateLuzia, columns: int, *words: str) -> str:
    """What a command writes to a terminal of so many columns that knows no colour."""
    ours, theirs = pty.openpty()
    sized = ["sh", "-c", f'stty -F /dev/fd/1 cols {columns} rows 24 -opost <&1; exec "$@"', "sh"]
    process = subprocess.Popen(
        [*sized, *luzia.command(*words)],
        env={**luzia.env, "TERM": "xterm", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    while data := _read(ours):
        written += data
    os.close(ours)
    assert process.wait(DEADLINE_S) == 0, written
    return written.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # what a terminal says when nobody is at its other end any more
        return b""


@pytest.fixture(scope="module")
def crowded() -> Iterator[PrivateLuzia]:
    """A luzia with MANY jobs, of which the first sleeps and the others wait for it."""
    with private_luzia() as luzia:
        with_command(luzia)
        config = Path(luzia.root, "config.toml")
        config.write_text("[daemon]\nmax_running = 1\n")
        task = {"op": "dispatch", "project": luzia.project, "agent": "shell"}
        luzia.client()
        answers = pipelined(
            luzia, [{**task, "task": "sleep 1000" if number == 0 else "true"} for number in range(MANY)]
        )
        jobs = [answer["ok"]["job"] for answer in answers]
        yield luzia
        pipelined(luzia, [{"op": "cancel", "job": job} for job in reversed(jobs)])


def pipelined(luzia: PrivateLuzia, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ask for all of it over one connection without waiting in between; returns the answers."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(luzia.socket)
        lines = b"".join(json.dumps(request).encode() + b"\n" for request in requests)
        sending = threading.Thread(target=wire.sendall, args=(lines,))
        sending.start()
        with wire.makefile("rb") as answers:
            told = [json.loads(answers.readline()) for _ in requests]
        sending.join()
    return told


def test_ten_thousand_jobs_are_paged_and_all_of_them_can_be_had(crowded: PrivateLuzia) -> None:
    page = crowded.run("jobs")
    assert len(page.stdout.splitlines()) == 4 + 50
    assert f"{MANY - 50} more".encode() in page.stderr
    assert len(crowded.run("jobs", "--all").stdout.splitlines()) == 4 + MANY
    limit = MAX_PAGE + 1
    assert len(crowded.run("jobs", "--limit", str(limit)).stdout.splitlines()) == 4 + limit
    jobs = [json.loads(line) for line in crowded.run("jobs", "--all", "--json").stdout.splitlines()]
    assert len({job["id"] for job in jobs}) == MANY
    assert [job["state"] for job in jobs].count("running") == 1


@pytest.mark.parametrize("words", ["jobs --all", "jobs --all --json", "jobs --watch"])
def test_a_reader_that_takes_one_line_is_no_error(crowded: PrivateLuzia, words: str) -> None:
    result = sh(crowded, f"luzia {words} | head -1; exit ${{PIPESTATUS[0]}}")
    assert (result.returncode, result.stderr) == (141, "")
    assert len(result.stdout.splitlines()) == 1


# What is wrong with the set-up


def break_config(luzia: PrivateLuzia) -> str:
    Path(luzia.env["LUZIA_CONFIG"]).write_text("[daemon]\nmax_runing = 3\n")
    return "config.toml:2: daemon.max_runing"


def break_state(luzia: PrivateLuzia) -> str:
    luzia.env["LUZIA_STATE_DIR"] = "/proc/luzia"  # not even root may write there
    return "/proc/luzia"


def break_runtime(luzia: PrivateLuzia) -> str:
    foreign = Path(luzia.root, "foreign")
    foreign.mkdir()
    if os.geteuid() == 0:
        os.chown(foreign, 65534, 65534)
    else:
        foreign = Path("/usr")
    luzia.env["LUZIA_RUNTIME_DIR"] = str(foreign)
    return str(foreign)


def break_nothing_but_the_jobs_directory(luzia: PrivateLuzia) -> str:
    luzia.env["LUZIA_JOBS_DIR"] = "/proc/luzia"
    return "/proc/luzia"


@pytest.mark.parametrize("broken", [break_config, break_state, break_runtime, break_nothing_but_the_jobs_directory])
@pytest.mark.parametrize("words", [("jobs",), (".", "--agent", "shell", "true"), ("wait", "@last"), ("jobs", "-w")])
def test_a_daemon_that_cannot_start_is_told_with_the_reason(
    luzia: PrivateLuzia, broken: Any, words: tuple[str, ...]
) -> None:
    named = broken(luzia)
    result = luzia.run(*words)
    said = result.stderr.decode()
    assert (result.returncode, result.stdout) == (3, b"")
    assert named in said
    assert "Traceback" not in said
    assert len(said.splitlines()) == 2
    if "did not start" in said:
        assert os.path.join(luzia.env["LUZIA_STATE_DIR"], "luziad.log") in said


@pytest.mark.parametrize("broken", [break_config, break_state, break_runtime])
def test_the_doctor_finds_what_keeps_the_daemon_from_starting(luzia: PrivateLuzia, broken: Any) -> None:
    named = broken(luzia)
    assert luzia.run("jobs").returncode == 3
    result = luzia.run("doctor")
    assert result.returncode == 1
    assert any(line.startswith("✗") and named in line for line in result.stdout.decode().splitlines())


def test_the_doctor_is_content_with_a_daemon_that_runs_and_one_that_does_not(luzia: PrivateLuzia) -> None:
    luzia.client()
    assert luzia.run("doctor").returncode == 0
    luzia.run("daemon", "stop")
    result = luzia.run("doctor")
    assert result.returncode == 0
    assert "! no daemon answers" in result.stdout.decode()


def test_the_doctor_finds_missing_projects_open_directories_and_errors_in_the_log(luzia: PrivateLuzia) -> None:
    gone = Path(luzia.root, "gone")
    gone.mkdir()
    log = Path(luzia.root, "state", "luziad.log")
    assert luzia.run("projects", "add", "gone", str(gone)).returncode == 0
    gone.rmdir()
    with log.open("a") as lines:
        lines.write("2026-01-02T03:04:05.678Z error luziad.store write_failed why=42\n")
    Path(luzia.root, "run").chmod(0o777)
    found = luzia.run("doctor").stdout.decode()
    assert f"✗ project gone: {gone} does not exist" in found
    assert "✗ other users may write to" in found
    assert "chmod 700" in found
    assert "! last error in the log: 2026-01-02T03:04:05.678Z error luziad.store write_failed why=42" in found
    refused = luzia.run("daemon", "restart")
    assert refused.returncode == 3
    assert b"other users can write to the runtime directory" in refused.stderr
    Path(luzia.root, "run").chmod(0o700)
    assert luzia.run("daemon", "restart").returncode == 0
    found = luzia.run("doctor").stdout.decode()
    assert "write_failed" not in found  # that was another daemon's
    assert stat.S_IMODE(Path(luzia.root, "run").stat().st_mode) == 0o700


def test_a_restart_with_a_broken_configuration_leaves_the_daemon_that_runs(luzia: PrivateLuzia) -> None:
    before = luzia.client().get_info().pid
    break_config(luzia)
    result = luzia.run("daemon", "restart")
    assert result.returncode == 4
    assert b"max_runing" in result.stderr
    assert luzia.client().get_info().pid == before


@pytest.mark.parametrize("action", ["start", "stop", "restart", "status"])
def test_actions_on_the_daemon_print_json_when_asked(luzia: PrivateLuzia, action: str) -> None:
    pid = luzia.client().get_info().pid
    told = json.loads(luzia.run("daemon", action, "--json").stdout)
    assert (told["pid"] == pid) is (action != "restart")
