"""The native luzia and the Python program do the same: output, exit status, and what they send to the daemon."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pty
import random
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import msgspec
import pytest

from luzia_client.cli.args.command_line import COMMANDS
from luzia_client.cli.args.dispatch_options import OPTIONS
from luzia_client.cli.args.parser import load_command
from native_programs import HAS_COMPILER, Answer, Outcome, Programs, normalized, recording
from support import DEADLINE_S, ROOT, PrivateDaemon, dispatch, ended, eventually, private_daemon

pytestmark = pytest.mark.skipif(not HAS_COMPILER, reason="needs a C compiler")

JOB = "120000-a2f5"
TASKS = (
    ["true"],
    ["fix", "the", "login button"],
    ['say "hi" \\ \b\f\n\r\t\x01\x7f'],
    ["grüße", "世界", "🎉"],
    ["世界"],
    ["\u2003\u00a0"],
    ["   "],
    [""],
    ["-"],
    ["@"],
    ["@missing"],
    ["@task.md"],
    ["@."],
    ["@~/task.md"],
    ["--", "@task.md"],
    ["--", "--json"],
    ["true", "--json"],
    ["true", "--jso"],
    ["a b", "-q"],
    ["-x"],
    ["-x y"],
    ["-ü"],
    ["x" * 70_000],
)
PROJECTS = (
    "overbits",
    ".",
    "..",
    "./a/../b",
    "/",
    "//x",
    "/tmp//y/./z/",
    "a/b",
    "~",
    "~/x",
    "~nobody/x",
    "grün",
    'a"b',
    "",
    "-",
    "run",
)
VALUES = (
    *("1", "0", "007", "-5", "+3", "1.5", ".5", "1e3", "1_0", "nan", "inf", "", " 2 ", "999999999", "9999999999", "½"),
    *("90", "0.001", "1h30m", "1h 30m", "1.5h", "5ms", "5msm", "10x", "1h30", "1000000000", "999999999.5", "0.1s"),
    *("512M", "4G", "1.5g", "10kB", "3KiB", "3kib", "1.1234567M", "2T", "0", "12B", "9999999999999", "1 G", "K"),
    *("gpu=1", "gpu=2,db", " gpu = 3 , db ", "gpu,gpu", "gpu=", "=1", "gpu=x", ",", "a,b,,c", "a, b", "ä,b"),
    *("2s..5m", "2s..", "..", "2s...5m", "1..2..3", "$2.50", "$", "2.50", "key=value", "key=", "key", "k=a=b", "ä=ö"),
    *("noonish", "tonight", "tomorrow midnight", "2 weeks", "hour"),
    *("23:30", "2030-01-31T09:00", "tomorrow", "/tmp", "sub/dir", "../x", "plan", "--effort=high", '"', "-100", "-0"),
)
ENVIRONMENTS: tuple[dict[str, str], ...] = (
    {"LUZIA_JOB_ID": JOB},
    {"LC_ALL": "C"},
    {"LANG": ""},
    {"LANG": "C"},
    {"LANG": "xx_YY.UTF-8"},
    {"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"},
    {"LANG": "de_DE.ISO-8859-1"},
    {"LC_CTYPE": "de_DE.utf8", "LC_TIME": "ü", "TZ": "Europe/Berlin", "http_proxy": 'a"b'},
    {"PYTHONIOENCODING": "ascii"},
    {"XDG_RUNTIME_DIR": "/nowhere", "NO_PROXY": ""},
    {"PATH": os.fsdecode(b"/bin:/\xff")},
)


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    with TemporaryDirectory(prefix="lz-") as directory:
        yield Programs(Path(directory))


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path to run in, with a file that has a task."""
    with TemporaryDirectory(prefix="lz-") as directory:
        (Path(directory) / "task.md").write_text("a task\nof two lines — with ümlauts\n")
        yield Path(directory)


def accept(request: dict[str, Any]) -> bytes:
    """A daemon that accepts every job, and whose jobs are all queued."""
    if request["op"] == "dispatch":
        project = request["project"]
        found: Any = {"job": JOB, "name": f"agent:{project}:{JOB}", "project": project, "created": True}
    elif request["op"] == "status":
        found = {"job": {"state": "queued", "reason": "waiting for a slot (2 of 2 in use)"}}
    elif request["op"] == "projects":
        found = {"projects": []}
    else:
        return b'{"error":{"code":"unknown_job","message":"there is no job","hint":"See \\u001b `luzia jobs`."}}\n'
    return json.dumps({"ok": found}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def base_environment(place: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "LANG": "C.UTF-8",
        "LUZIA_SOCKET": str(place / "socket"),
        "LUZIA_RUNTIME_DIR": str(place),
        "LUZIA_STATE_DIR": str(place / "state"),
        "LUZIA_NO_AUTOSTART": "1",
        "COPIED": "value",
    }


def outcome(
    programs: Programs,
    program: Path,
    place: Path,
    words: Sequence[str | bytes],
    answer: Answer = accept,
    env: dict[str, str] | None = None,
    **options: Any,
) -> Outcome:
    """What a program does with a command line and a daemon that answers like this."""
    options.setdefault("cwd", place)
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    with recording(place / "socket", answer) as recorder:
        done = programs.run(program, words, base_environment(place) | (env or {}), **options)
    requests = list(map(normalized, recorder.requests))
    if not any(b'"op":"dispatch"' in request for request in requests):
        requests = list(dict.fromkeys(requests))  # what only reads is asked again when it is handed over
    return Outcome(done.returncode, done.stdout or b"", done.stderr or b"", requests)


def assert_same(programs: Programs, place: Path, words: Sequence[str | bytes], *more: Any, **options: Any) -> Outcome:
    """Run a command line through both programs, and return what they both have done."""
    native, python = (
        outcome(programs, program, place, words, *more, **options) for program in (programs.native, programs.python)
    )
    assert native == python, words
    return native


@pytest.mark.parametrize("task", TASKS, ids=range(len(TASKS)))
def test_every_task_is_dispatched_alike(programs: Programs, place: Path, task: list[str]) -> None:
    for words in (["overbits", *task], ["run", "overbits", "--", *task], ["run", "-q", "overbits", *task]):
        assert_same(programs, place, words, input=b"from stdin\n")


@pytest.mark.parametrize("project", PROJECTS, ids=range(len(PROJECTS)))
def test_every_project_is_found_alike(programs: Programs, place: Path, project: str) -> None:
    assert_same(programs, place, [project, "true"])
    assert_same(programs, place, ["dispatch", "--cwd", project, "--json", project, "true"])


@pytest.mark.parametrize("name", [*OPTIONS, "-a", "--agent", "-e", "--env", "--key"])
def test_every_option_has_the_same_effect(programs: Programs, place: Path, name: str) -> None:
    known = OPTIONS.get(name)
    if known is not None and not known.value:
        assert_same(programs, place, [name, name, ".", "true"])
        assert_same(programs, place, [f"{name}=x", ".", "true"])
        assert_same(programs, place, ["run", name, ".", "true"])
        return
    values = random.Random(name).sample(VALUES, 2) + [value for value in VALUES if _is_accepted(name, value)]
    for value in dict.fromkeys(values[:7]):
        assert_same(programs, place, [f"{name}={value}", "--priority", "1", ".", "true"])
    two = values[-2:]
    assert_same(programs, place, [name, two[0], name, two[1], "--hold", ".", "true"])
    assert_same(programs, place, [name, two[0], name, two[0], ".", "true"])
    assert_same(programs, place, ["run", name, two[1], ".", "true"])


def _is_accepted(name: str, value: str) -> bool:
    if name not in OPTIONS:
        return value in ("key=value", "key", "k=a=b")
    try:
        OPTIONS[name].parse(name, value)
    except Exception:
        return False
    return OPTIONS[name].parse.__name__ not in ("parse_text", "parse_directory", "<lambda>") or value in (
        "plan",
        "/tmp",
    )


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=range(len(ENVIRONMENTS)))
def test_every_environment_has_the_same_effect(programs: Programs, place: Path, env: dict[str, str]) -> None:
    assert_same(programs, place, ["-e", "COPIED", "-e", "A=ü", ".", "grüße"], env=env)
    assert_same(programs, place, ["--detach", "--json", ".", "grüße"], env=env)
    assert_same(programs, place, ["progress", "40"], env=env)


def _examples() -> list[list[str]]:
    """The command lines of the help that end by themselves, without a terminal, and can be repeated."""
    lines = [
        line.partition(" && ")[0].partition(" | ")[0].partition(" > ")[0]
        for name in COMMANDS
        if name
        not in (
            "demo",
            "shell",
            "top",
            "daemon",
            "open",
            "batch",
            "import",
            "export",
            "hosts",
            "mcp",
            "metrics",
            "notify",
            "web",
        )
        for line, _ in load_command(name).EXAMPLES
    ]
    return [shlex.split(line)[1:] for line in lines if line.startswith("luzia ")]


@pytest.mark.parametrize("part", range(8))
def test_every_example_of_the_help_does_the_same(programs: Programs, place: Path, part: int) -> None:
    for words in _examples()[part::8]:
        assert_same(programs, place, words, timeout=DEADLINE_S)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--help"],
        ["-V"],
        ["overbits"],
        ["joobs", "--json"],
        ["--complete", "bash", "luzia", "jo"],
        ["run", "."],
        ["run", "-a", "claude", ".", "x"],
        ["run", ".", ""],
        [b"overbits", b"\xff"],
        [b"\xff", b"x"],
        [b"-e", b"A=\xff", b".", b"x"],
        ["-e", "MISSING", ".", "x"],
        ["-e", "=x", ".", "x"],
        ["jobs", JOB, "--json", JOB],
        ["jobs", JOB],
        ["jobs", JOB, "--jso"],
        ["wait"],
        ["wait", JOB, "--timeout"],
        ["wait", JOB, "--timeout", "x"],
        ["wait", "--", JOB],
        ["logs"],
        ["logs", JOB, JOB],
        ["logs", "-f", JOB],
        ["logs", "-n", JOB],
        ["logs", "-n", "-1", JOB],
        ["logs", "-n", "x", JOB],
        ["logs", "-n5", JOB],
        ["logs", JOB, "-n", "99999999999"],
        ["logs", "--tail", "5", JOB],
        ["logs", "--lines", "5", "-f", JOB],
        ["logs", "--raw", "--json", JOB],
        ["progress"],
        ["progress", "101"],
        ["progress", "-1"],
        ["progress", "40%", "a", "-b"],
        ["--tag=a=b c", ".", "true"],
        [".", "--tag=a=b c", "true"],
        [".", "--at=2030-01-01 09:00", "true"],
        [".", "fix", "it", "--max-cost=1 or 2"],
        [".", "--no such=x", "y"],
        [".", "--unknown=x y"],
        [".", "--a =x"],
    ],
    ids=str,
)
def test_wrong_and_unusual_command_lines_do_the_same(programs: Programs, place: Path, words: list[str]) -> None:
    assert_same(programs, place, words, env={"LUZIA_JOB_ID": JOB} if "progress" in words else None)


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1, 3 << 20])
@pytest.mark.parametrize("letter", ["x", "\n", '"', "ü"])
def test_tasks_up_to_the_limit_are_read_from_stdin_and_from_files(
    programs: Programs, place: Path, size: int, letter: str
) -> None:
    task = ("x" + letter * size).encode()[:size]
    (place / "large.md").write_bytes(task)
    for words, stdin in (([".", " -"[1:]], task), ([".", "@large.md"], b"")):
        done = assert_same(programs, place, words, input=stdin)
        assert done.status == (0 if size == 1 << 20 and task[-1:] != b"\xc3" else 2)


@pytest.mark.parametrize("data", [b"", b" \n", b"a\0b", b"\xff", b"\xed\xa0\x80", b"\xe4\xb8", b"caf\xc3\xa9 \xc2\x85"])
def test_what_cannot_be_a_task_is_refused_alike(programs: Programs, place: Path, data: bytes) -> None:
    (place / "file").write_bytes(data)
    assert_same(programs, place, [".", "-"], input=data)
    assert_same(programs, place, [".", "@file"])


def test_a_task_is_read_from_a_pipe_with_a_name(programs: Programs, place: Path) -> None:
    os.mkfifo(place / "pipe")
    for program in (programs.native, programs.python):
        writer = threading.Thread(target=(place / "pipe").write_text, args=("through a pipe",))
        writer.start()
        done = outcome(programs, program, place, [".", "@pipe"])
        writer.join(DEADLINE_S)
        assert b'"task":"through a pipe"' in done.requests[0], done


@pytest.mark.parametrize("words", [["--help"], ["jobs"], ["ls"], ["--complete", "bash", "ca"]])
def test_a_short_command_is_the_same_without_the_module_site(programs: Programs, place: Path, words: list[str]) -> None:
    client, protocol, msgspec_package = ROOT / "luzia_client", ROOT / "protocol", Path(msgspec.__file__).parent
    whole = programs.installed(place / "whole", [client, protocol / "luzia_protocol", msgspec_package])
    parted = programs.installed(place / "parted", [client], [protocol, msgspec_package.parent])
    elsewhere = programs.installed(place / "elsewhere", [], [ROOT, protocol, msgspec_package.parent])
    expected = outcome(programs, programs.python, place, words)
    for program in (whole, parted, elsewhere):
        done = outcome(programs, program, place, words)
        assert done._replace(stderr=done.stderr.replace(b"site\n", b"")) == expected, program
        assert (b"site\n" in done.stderr) == (program != whole or expected.status != 0), program


def test_other_commands_start_as_the_installation_wants_it(programs: Programs, place: Path) -> None:
    program = programs.installed(place / "whole", [ROOT / "luzia_client", ROOT / "protocol" / "luzia_protocol"])
    assert programs.run(program, ["nothing"], base_environment(place)).stderr.startswith(b"site\n")
    (program.parent / "luzia-py").write_text("#!/bin/sh -e\necho as it stands: $*\n")
    (program.parent / "luzia-py").chmod(0o755)
    assert programs.run(program, ["--help"], base_environment(place)).stdout == b"as it stands: --help\n"


ACCEPTED = accept({"op": "dispatch", "project": "overbits"})


@pytest.mark.parametrize(
    "reply",
    [
        b"\n",
        b"garbage\n",
        b"{}\n",
        b'{"ok":{}}\n',
        b'{"ok":{"job":"x"}}\n',
        b'{"ok":{"job":"\xff"}}\n',
        b"\xff\n",
        b"[" * 5000 + b"\n",
        b'{"ok":{"job":"a","name":"b\\u001b[31m\xc2\x9b","project":"c\\n","created":false}}\n',
        b'{"ok":{"job":"a","more":1,"name":"b","project":"c"}}\n',
        b'{"ok":{"job":"a","name":"\\ud83c\\udf89","project":"c"}}\n',
        b'{"error":{"code":"queue_full","message":"the queue is full","hint":"Wait."}}\n',
        b'{"error":{"code":"unknown_project","message":"unknown project \'jbos\'","hint":"See."}}\n',
        b'{"error":{"code":"of_tomorrow","message":"m\\u001b","hint":""}}\n',
        ACCEPTED[:20],
        ACCEPTED[:-1],
        b"x" * 100_000,
        None,
    ],
    ids=lambda reply: str(reply)[:40],
)
@pytest.mark.parametrize(
    "words", [["jbos", "true"], ["--json", ".", "true"], ["run", ".", "true"], ["jobs", "--json", JOB]]
)
def test_every_answer_is_understood_alike(
    programs: Programs, place: Path, words: list[str], reply: bytes | None
) -> None:
    # After half an answer the second try is the last, and its key says that it is the same job.
    native, python = (
        outcome(programs, program, place, words, lambda request: reply)
        for program in (programs.native, programs.python)
    )
    assert native[:3] == python[:3]
    assert len(native.requests) == len(python.requests)


def test_a_terminal_shows_the_same_confirmation(programs: Programs, place: Path) -> None:
    reasons = ["about to start", None, "waiting for a slot", "grün", " held", "x" * 201, "esc \x1b"]
    for (number, reason), confirm in product(enumerate(reasons), ("block", "line", None)):
        for term in ("xterm", "dumb"):
            shown = [
                _on_a_terminal(programs, program, place, term, reason, number % 2 == 0, confirm)
                for program in (programs.native, programs.python)
            ]
            assert shown[0] == shown[1], (reason, confirm)
            assert (b"Dispatched" in shown[0]) == (confirm != "line")
            assert shown[0].count(b"\n") == 1 or confirm != "line"


def _on_a_terminal(
    programs: Programs, program: Path, place: Path, term: str, reason: str | None, created: bool, confirm: str | None
) -> bytes:
    def answer(request: dict[str, Any]) -> bytes:
        if request["op"] == "status":
            told = {} if confirm is None else {"confirm": confirm}
            return json.dumps({"ok": {"job": {"state": "queued", "reason": reason}} | told}).encode() + b"\n"
        return accept(request).replace(b"true", str(created).lower().encode())

    with terminal() as (screen, stdout):
        done = outcome(
            programs, program, place, [".", "x"], answer, {"TERM": term}, capture_output=False, stdout=stdout
        )
        assert done.status == 0
        assert [json.loads(line)["op"] for line in done.requests][:2] == ["dispatch", "status"]
        return shown_on(screen, stdout)


def test_a_terminal_is_told_once_that_a_logout_ends_the_jobs(programs: Programs, place: Path) -> None:
    session = place / "session"
    (session / "luzia").mkdir(parents=True)
    (session / "systemd").mkdir()
    (session / "systemd/private").touch()
    (session / "luzia/luzia.sock").symlink_to(place / "socket")
    enabled = place / ".config/systemd/user/sockets.target.wants"
    enabled.mkdir(parents=True)
    (enabled / "luziad.socket").symlink_to("/dev/null")
    for program in (programs.native, programs.python):
        env = {
            "XDG_RUNTIME_DIR": str(session),
            "LUZIA_SOCKET": str(session / "luzia/luzia.sock"),
            "HOME": str(place),
            "LOGNAME": "somebody",
            "LUZIA_STATE_DIR": str(place / program.name),
        }
        (place / program.name).mkdir()
        for is_told in (True, False):
            with terminal() as (_, stdout):
                streams: dict[str, Any] = {"capture_output": False, "stdout": stdout, "stderr": subprocess.PIPE}
                done = outcome(programs, program, place, [".", "x"], env=env, **streams)
            assert (b"systemd kills luziad and all jobs when you log out" in done.stderr) == is_told, program


@contextmanager
def terminal() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """A terminal: what is shown on it, and where a program writes."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb") as screen, os.fdopen(theirs, "wb") as stdout:
        yield screen, stdout


def shown_on(screen: IO[bytes], stdout: IO[bytes]) -> bytes:
    """All that was written to it; the terminal ends."""
    stdout.close()
    shown = b""
    try:
        while data := os.read(screen.fileno(), 4096):
            shown += data
    except OSError:  # the end of a terminal
        pass
    return shown


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "> /dev/full"])
def test_streams_that_are_closed_or_full_lead_to_the_same_end(programs: Programs, place: Path, closed: str) -> None:
    for words in (". x", "nothing", "--json . y"):
        ends = []
        for program in (programs.native, programs.python):
            shell = ["-c", f'"$0" {words} {closed}; echo "status $?"', str(program)]
            ends.append(outcome(programs, Path("/bin/sh"), place, shell))
        assert ends[0] == ends[1]


def test_a_reader_that_has_gone_is_no_error(programs: Programs, place: Path) -> None:
    ends = []
    for program in (programs.native, programs.python):
        reading, writing = os.pipe()
        os.close(reading)
        ends.append(outcome(programs, program, place, [".", "x"], capture_output=False, stdout=writing))
        os.close(writing)
    assert ends[0] == ends[1]
    assert ends[0].status == 141


def test_an_interrupt_ends_both_with_the_same_status(programs: Programs, place: Path) -> None:
    ends = []
    for program in (programs.native, programs.python):
        reached = threading.Event()

        def answer(request: dict[str, Any], reached: threading.Event = reached) -> bytes:
            reached.set()
            return b"{" * 10 + b" "  # half an answer; the connection stays open until the program ends

        env = base_environment(place)
        with recording(place / "socket", answer, keeps_open=True):
            running = subprocess.Popen(
                [program, ".", "x"], env=env, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            assert reached.wait(DEADLINE_S)
            running.send_signal(signal.SIGINT)
            ends.append((*running.communicate(timeout=DEADLINE_S), running.returncode))
    assert ends[0] == ends[1] == (b"", b"", 130)


# With a real daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        yield running


def test_the_reading_commands_print_the_same(programs: Programs, daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        jobs = [
            dispatch(wire, task)
            for task in (
                "true",
                "printf 'a\\0b\\377\\n'",
                "exit 3",
                "seq 400000",
                "printf x; kill -9 $$",
                "echo grün >&2",
            )
        ]
        ended(wire, *jobs)
    for job in jobs:
        for words in (
            ["jobs", job, "--json"],
            ["jobs", "--json", job[-4:]],
            ["logs", job],
            ["logs", "-f", job],
            ["logs", "-n", "2", job],
            ["logs", job, "--lines", "0"],
            ["logs", "--raw", job],
            ["logs", "--raw", "-n", "350000", "-n", "390000", job],
            ["wait", job],
            ["wait", "--json", job[-4:]],
            ["wait", "--timeout", "5", job],
        ):
            done = same_with_daemon(programs, daemon, words)
            assert done.stdout or words[0] == "logs"
    assert same_with_daemon(programs, daemon, ["wait", *jobs]).returncode == 1
    assert same_with_daemon(programs, daemon, ["jobs", "--json", *jobs, "000000-none"]).returncode == 4
    assert len(same_with_daemon(programs, daemon, ["logs", jobs[3]]).stdout) > 2_000_000


TERMINAL_OUTPUTS = (
    b"",
    b"plain\ttext\r\n",
    "grün \U0001f4a9\n".encode(),
    b"\x1b[31mred\x1b[0m and \x1b[1;38:5:7mbold",
    b"\x1b[31",
    b"\x1b[2J is cleared\n",
    b"\x1b]0;title\x07",
    b"half \xc3",
    b"\xff\x9b31m",
    "right\u202eleft\n".encode(),
    b"a\0b\x7f",
)


@pytest.mark.parametrize("output", TERMINAL_OUTPUTS)
def test_a_terminal_gets_the_same_output(programs: Programs, place: Path, output: bytes) -> None:
    environments = ({"TERM": "xterm"}, {"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"})
    for number, variables in enumerate(environments if b"31mred" in output else environments[:1]):
        answer = partial(_answer_logs, output, number % 2 == 1)
        found = []
        for program in (programs.native, programs.python):
            with terminal() as (screen, stdout):
                options: dict[str, Any] = {"capture_output": False, "stdout": stdout}
                done = outcome(programs, program, place, ["logs", JOB], answer, variables, **options)
                found.append((done.status, shown_on(screen, stdout), done.requests[0]))
        assert found[0] == found[1]


def _answer_logs(output: bytes, rendered: bool, request: dict[str, Any]) -> bytes:
    """A daemon with a job of this output, as an agent's transcript or as it is."""
    data = output.decode(errors="replace") if rendered else base64.b64encode(output).decode()
    piece = {"job": JOB, "attempt": 1, "stream": "stdout", "offset": 0, "next_offset": 9, "size": 9, "data": data}
    assert request["encoding"] == "base64"
    extra = {"ended": True, "dropped_bytes": 0, "lost_bytes": 0, "rendered": rendered}
    return json.dumps({"ok": piece | extra}).encode() + b"\n"


def test_a_wait_shows_the_names_of_jobs_alike(programs: Programs, daemon: PrivateDaemon) -> None:
    jobs = []
    for name in ("build", "nightly.2", ""):
        with daemon.connect() as wire:
            named = {"name": name} if name else {}
            jobs.append(wire.ok(op="dispatch", project="overbits", argv=["false"], **named)["job"])
            wire.ok(op="wait", jobs=jobs)
    lines = [same_with_daemon(programs, daemon, ["wait", job]).stdout.decode().rstrip() for job in jobs]
    assert [line.partition("  ")[2] for line in lines] == [
        "failed  exit code 1  (build)",
        "failed  exit code 1  (nightly.2)",
        "failed  exit code 1",
    ]


def same_with_daemon(programs: Programs, daemon: PrivateDaemon, words: list[str]) -> Any:
    native, python = (programs.run(program, words, daemon.env) for program in (programs.native, programs.python))
    assert (native.returncode, native.stdout, native.stderr) == (python.returncode, python.stdout, python.stderr), words
    return native


def test_a_wait_without_a_result_ends_in_time_and_one_with_a_result_at_once(
    programs: Programs, daemon: PrivateDaemon
) -> None:
    with daemon.connect() as wire:
        job = dispatch(wire, "read line < gate")
        os.mkfifo(daemon.project / "gate")
        assert same_with_daemon(programs, daemon, ["wait", "--timeout", "0.1", job]).returncode == 124
        with start(programs, daemon, "wait", job) as waiting, start(programs, daemon, "logs", "-f", job) as following:
            (daemon.project / "gate").write_text("go\n")
            assert waiting.communicate(timeout=DEADLINE_S) == (f"{job}  completed\n".encode(), b"")
            assert following.communicate(timeout=DEADLINE_S) == (b"", b"")


def start(programs: Programs, daemon: PrivateDaemon, *words: str) -> subprocess.Popen[bytes]:
    env = daemon.env | {"ASAN_OPTIONS": "detect_leaks=0"}
    return subprocess.Popen([programs.native, *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize(("end", "status"), [("exit 3", 1), ("true", 0), ("cancel", 5), ("timeout", 6)])
def test_following_ends_with_the_status_of_the_job(
    programs: Programs, daemon: PrivateDaemon, end: str, status: int
) -> None:
    gate = daemon.project / f"gate-of-{end}"
    os.mkfifo(gate)
    limits: Any = {"timeout_s": 0.1} if end == "timeout" else {}
    with daemon.connect() as wire:
        job = dispatch(wire, f"echo begun; read line < '{gate}'; {end}", **limits)
        with start(programs, daemon, "logs", "-f", job) as following:
            assert following.stdout is not None
            assert following.stdout.readline() == b"begun\n"
            if end == "cancel":
                wire.ok(op="cancel", job=job)
            elif end != "timeout":
                gate.write_text("go\n")
            assert following.wait(DEADLINE_S) == status
        wire.ok(op="wait", jobs=[job])
    assert same_with_daemon(programs, daemon, ["logs", "-f", job]).returncode == status, "a job that has ended"


def test_output_goes_on_through_another_attempt(programs: Programs, daemon: PrivateDaemon) -> None:
    script = "echo before; test -e again && exit; touch again; read line < second; exit 1"
    os.mkfifo(daemon.project / "second")
    with daemon.connect() as wire:
        job = dispatch(wire, script, retries=1, backoff_s=[0.01])
        with start(programs, daemon, "logs", "-f", job) as following:
            assert following.stdout is not None
            assert following.stdout.readline() == b"before\n"
            (daemon.project / "second").write_text("go\n")
            assert following.communicate(timeout=DEADLINE_S) == (b"before\n", b"")


def test_a_wait_goes_on_after_a_restart_of_the_daemon(programs: Programs) -> None:
    with private_daemon() as daemon:
        assert daemon.process is not None
        os.mkfifo(daemon.project / "gate")
        with daemon.connect() as wire:
            job = dispatch(wire, "read line < gate; exit 3")
            eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] == "running", "the start")
        daemon.process.send_signal(signal.SIGSTOP)
        with start(programs, daemon, "wait", job) as waiting:
            first = eventually(lambda: _connections(waiting.pid), "the question for the newest event")
            daemon.process.send_signal(signal.SIGCONT)
            eventually(lambda: _connections(waiting.pid) - first, "the wait, over a connection of its own")
            daemon.kill()
            daemon.start()
            (daemon.project / "gate").write_text("go\n")
            out, errors = waiting.communicate(timeout=DEADLINE_S)
            assert (out.split(b"  ")[:2], waiting.returncode) == ([job.encode(), b"failed"], 1), errors


def _connections(pid: int) -> set[str]:
    """The sockets of a process."""
    links = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            links.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return {link for link in links if link.startswith("socket:")}


def test_progress_reaches_the_job(programs: Programs, daemon: PrivateDaemon) -> None:
    os.mkfifo(daemon.project / "held")
    with daemon.connect() as wire:
        job = dispatch(wire, "read line < held")
        eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] == "running", "the start")
        for words in (["12.5", "half", 'a "step"'], ["40%"], ["0"], ["99", "x\ty\x7f\x01"]):
            seen = []
            for program in (programs.native, programs.python):
                done = programs.run(program, ["progress", *words], daemon.env | {"LUZIA_JOB_ID": job})
                assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
                seen.append(wire.ok(op="status", job=job)["job"]["progress"])
            assert seen[0] == seen[1]
            assert seen[0]["percent"] == int(float(words[0].rstrip("%")))
        (daemon.project / "held").write_text("go\n")
        ended(wire, job)
