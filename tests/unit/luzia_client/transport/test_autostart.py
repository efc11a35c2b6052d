from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from luzia_protocol import environment

from luzia_client import AsyncClient, Client, DaemonUnreachableError
from luzia_client.transport import autostart
from unit.luzia_client.fake_daemon import DEADLINE_S, FakeDaemon, Script

Serve = Callable[[Script], FakeDaemon]

# A program with luziad's way of starting: it counts its starts, listens, tells that it is ready, and answers
# until it is asked to shut down.
LUZIAD = """
import json, os, socket, sys, time
from luzia_protocol import environment
log = os.environ["STARTS"]
with open(log, "a") as starts:
    print(sys.argv[1], *sys.argv[3:], "INVOCATION_ID" in os.environ, os.getcwd(), os.getsid(0) == os.getpid(),
          file=starts)
path = environment.socket_path()
if os.path.exists(path):
    os.unlink(path)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(100)
os.write(int(sys.argv[2]), b"ready\\n")
os.close(int(sys.argv[2]))
while True:
    connection, _ = listener.accept()
    for line in connection.makefile("rb"):
        request = json.loads(line)
        answer = {"id": request.get("id"), "ok": {"pid": os.getpid(), "running": 0}}
        connection.sendall(json.dumps(answer).encode() + b"\\n")
        if request["op"] == "shutdown":
            sys.exit()
"""


@pytest.fixture
def luziad(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Has autostart run a program instead of luziad; gives the file where LUZIAD notes its starts."""
    monkeypatch.delenv("LUZIA_NO_AUTOSTART")
    monkeypatch.setenv("INVOCATION_ID", "of the terminal")
    monkeypatch.setenv("STARTS", str(home / "starts"))

    def use(program: str) -> Path:
        (home / "luziad.py").write_text(program)
        monkeypatch.setattr(autostart, "daemon_command", lambda: [sys.executable, "-u", str(home / "luziad.py")])
        return home / "starts"

    yield use
    for child in autostart._children:
        child.kill()
        child.wait(DEADLINE_S)


def test_a_daemon_is_started_detached_when_none_answers(luziad: Callable[[str], Path]) -> None:
    starts = luziad(LUZIAD)
    with Client() as client:
        assert client.stop_daemon().running == 0
    assert starts.read_text() == "--ready-fd --on-demand --reset-inherited False / True\n"


def test_a_daemon_that_is_asked_for_by_name_is_not_on_demand(luziad: Callable[[str], Path]) -> None:
    starts = luziad(LUZIAD)
    assert autostart.start_daemon(environment.socket_path(), on_demand=False)
    assert not autostart.start_daemon(environment.socket_path(), on_demand=False)
    assert "--on-demand" not in starts.read_text()
    assert len(starts.read_text().splitlines()) == 1


def test_one_daemon_starts_however_many_commands_race(luziad: Callable[[str], Path], home: Path) -> None:
    starts = luziad(LUZIAD)
    script = (
        "import sys; from luzia_client.transport import autostart, connection\n"
        f"autostart.daemon_command = lambda: [sys.executable, '-u', {str(home / 'luziad.py')!r}]\n"
        f"sys.stdin.read(); daemon = connection.Connection.open({environment.socket_path()!r}, autostart=True)\n"
        'daemon.send(b\'{"op":"info"}\\n\'); daemon.receive()'
    )
    racers = [
        subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(8)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.close()
    for racer in racers:
        with racer:
            assert racer.stderr is not None
            assert racer.stderr.read() == b""
    Client(autostart=False).stop_daemon()
    assert [racer.returncode for racer in racers] == [0] * 8
    assert len(starts.read_text().splitlines()) == 1


async def test_the_asynchronous_client_starts_it_too(luziad: Callable[[str], Path]) -> None:
    starts = luziad(LUZIAD)
    async with AsyncClient() as client:
        await client.stop_daemon()
    assert "--on-demand" in starts.read_text()


def test_a_socket_of_a_dead_daemon_is_no_obstacle(luziad: Callable[[str], Path], serve: Serve, home: Path) -> None:
    path = home / "r" / "luzia.sock"
    subprocess.run(
        [sys.executable, "-c", "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", str(path)],
        check=True,
        timeout=DEADLINE_S,
    )
    assert path.exists()
    luziad(LUZIAD)
    with Client() as client:
        client.stop_daemon()


def test_a_failed_start_tells_the_last_line_of_the_log(luziad: Callable[[str], Path], home: Path) -> None:
    (home / "s").mkdir()
    (home / "s" / "luziad.log").write_text("an older line\n")
    luziad("import sys; print('x'); sys.exit('luziad: the store is on fire')")
    with Client() as client, pytest.raises(DaemonUnreachableError) as caught:
        client.get_info()
    assert caught.value.message == "luziad did not start: the store is on fire"
    assert str(home / "s" / "luziad.log") in caught.value.hint


def test_a_silent_failure_tells_the_exit_status(luziad: Callable[[str], Path]) -> None:
    luziad("import sys; sys.exit(9)")
    with Client() as client, pytest.raises(DaemonUnreachableError, match="did not start: exit status 9"):
        client.get_info()


def test_a_configuration_without_autostart_is_told_as_such(luziad: Callable[[str], Path]) -> None:
    luziad("import sys; print('luziad: /c says `autostart = false`', file=sys.stderr); sys.exit(3)")
    with Client() as client, pytest.raises(DaemonUnreachableError, match="must not be started automatically: /c says"):
        client.get_info()


def test_a_daemon_that_is_not_ready_in_time_is_told(
    luziad: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autostart, "READY_TIMEOUT_S", 0.2)
    luziad("import sys; sys.stdin.read(); import time; time.sleep(600)")
    with Client() as client, pytest.raises(DaemonUnreachableError, match="is not ready after"):
        client.get_info()


@pytest.mark.parametrize(
    ("name", "reason"), [("LUZIA_NO_AUTOSTART", "is set"), ("LUZIA_JOB_ID", "a job does not start one")]
)
def test_no_daemon_is_started_where_it_must_not_be(
    luziad: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    starts = luziad(LUZIAD)
    monkeypatch.setenv(name, "1")
    with Client() as client, pytest.raises(DaemonUnreachableError, match=reason):
        client.get_info()
    assert not starts.exists()


def test_a_missing_runtime_directory_is_made_private(luziad: Callable[[str], Path], home: Path) -> None:
    (home / "r").rmdir()
    luziad(LUZIAD)
    with Client() as client:
        client.stop_daemon()
    assert (home / "r").stat().st_mode & 0o777 == 0o700


def test_a_runtime_directory_that_is_none_is_told(luziad: Callable[[str], Path], home: Path) -> None:
    (home / "r").rmdir()
    (home / "r").write_text("")
    luziad(LUZIAD)
    with pytest.raises(DaemonUnreachableError, match=r"cannot use the runtime directory"):
        autostart.start_daemon(environment.socket_path(), on_demand=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a directory of somebody else's")
def test_a_runtime_directory_of_somebody_else_is_refused(luziad: Callable[[str], Path], home: Path) -> None:
    os.chown(home / "r", 12345, 12345)
    luziad(LUZIAD)
    with pytest.raises(DaemonUnreachableError, match="belongs to another user"):
        autostart.start_daemon(environment.socket_path(), on_demand=False)


def test_the_daemon_gets_paths_that_hold_in_its_own_working_directory(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv("LUZIA_STATE_DIR", "s")
    env = autostart.daemon_environment("/elsewhere/luzia.sock")
    assert env["LUZIA_STATE_DIR"] == str(home / "s")
    assert env["LUZIA_SOCKET"] == "/elsewhere/luzia.sock"
    assert "LUZIA_SOCKET" not in autostart.daemon_environment(environment.socket_path())


def test_without_an_interpreter_luziad_is_looked_for_beside_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    assert autostart.daemon_command() == [sys.executable, "-m", "luziad"]
    monkeypatch.setattr(sys, "executable", "")
    monkeypatch.setattr(sys, "argv", ["/opt/bin/luzia"])
    assert autostart.daemon_command() == ["/opt/bin/luziad"]
