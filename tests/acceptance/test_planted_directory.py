"""Others may come first: a client sends nothing to a socket that they planted, and uses no directory of theirs."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_protocol import environment

from private_luzia import private_luzia
from support import DEADLINE_S

AS_SOMEBODY = """
import os, sys
from luzia_client.cli.commands import dispatch
from luzia_client.transport import connection, endpoint
from luzia_protocol import environment
uid = int(sys.argv[1])
os.setgroups([]); os.setgid(uid); os.setuid(uid)
try:
    dispatch._exchange(environment.socket_path(), b"my secret")
except PermissionError as exc:
    print(exc.strerror)
try:
    connection.open_socket(environment.socket_path(), autostart=False)
except endpoint.DaemonUnreachableError as exc:
    print(exc.message)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("what", ["a directory of root's", "a link to one"])
def test_a_client_asks_nothing_where_somebody_else_came_first(what: str, tmp_path: Path) -> None:
    uid = 2_000_000_000 + os.getpid() * 2 + (what == "a link to one")  # nobody's
    place = Path(f"/tmp/luzia-{uid}")
    planted = place if what == "a directory of root's" else Path(f"/tmp/lz-{uid}")
    planted.mkdir(mode=0o755)
    try:
        if planted != place:
            place.symlink_to(planted)
        with socket.socket(socket.AF_UNIX) as trap:
            trap.bind(str(planted / "luzia.sock"))
            os.chmod(planted / "luzia.sock", 0o777)
            trap.listen()
            env = {name: value for name, value in os.environ.items() if not name.startswith(("LUZIA_", "XDG_"))}
            done = subprocess.run(
                [sys.executable, "-c", AS_SOMEBODY, str(uid)],
                env=env,
                capture_output=True,
                text=True,
                timeout=DEADLINE_S,
            )
            trap.setblocking(False)
            with pytest.raises(BlockingIOError):
                trap.accept()
        assert f"{place} belongs to another user\n" in done.stdout, done.stderr
        assert f"refusing to connect to {place}/luzia.sock" in done.stdout
    finally:
        if place.is_symlink():
            place.unlink()
        shutil.rmtree(planted)


AS_USER = """
import os, sys
import luzia_client.cli.commands.dispatch, luzia_client.cli.commands.jobs, luzia_client.cli.show.errors
import luzia_client.cli.watch.notifier, luzia_client.api.client, luzia_client.transport.autostart
from luzia_client.cli.main import main
os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv.pop(1)))
sys.exit(main())
"""
PEER = """
import os, socket, sys
os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[2])
os.chmod(sys.argv[2], 0o777)
listener.listen()
print("listening", flush=True)
while True:
    peer, _ = listener.accept()
    print(peer.recv(1 << 16), flush=True)
    peer.close()
"""


@pytest.fixture
def planted() -> Iterator[str]:
    """A socket in a directory of root's that everybody can write to, on which user 65534 listens."""
    with tempfile.TemporaryDirectory(prefix="lz-") as directory:
        os.chmod(directory, 0o777)
        path = os.path.join(directory, "luzia.sock")
        with subprocess.Popen([sys.executable, "-c", PEER, "65534", path], stdout=subprocess.PIPE) as listener:
            assert listener.stdout is not None
            assert listener.stdout.readline() == b"listening\n"
            yield path
            listener.kill()
            assert set(listener.stdout.read().split()) <= {b"b''"}, "it was sent something"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("words", [["overbits", "my secret"], ["jobs"], ["--complete", "bash", "luzia", "jobs", ""]])
@pytest.mark.parametrize("uid", [0, 2_000_000_000])
def test_a_client_sends_nothing_to_a_process_of_another_user(planted: str, words: list[str], uid: int) -> None:
    env = {**os.environ, "LUZIA_RUNTIME_DIR": os.path.dirname(planted), "HOME": "/"}
    done = subprocess.run(
        [sys.executable, "-c", AS_USER, str(uid), *words], env=env, capture_output=True, text=True, timeout=DEADLINE_S
    )
    if words[0] != "--complete":
        assert done.returncode == 3
        assert "is another user's (uid 65534)" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a directory of another user's")
def test_the_runtime_directory_of_another_user_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LUZIA_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert environment.runtime_dir() == str(tmp_path / "luzia")
    os.chown(tmp_path, 65534, 65534)
    assert environment.runtime_dir() == environment.SYSTEM_RUNTIME_DIR
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "missing"))
    assert environment.runtime_dir() == environment.SYSTEM_RUNTIME_DIR


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a directory of another user's")
def test_the_state_of_another_user_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LUZIA_STATE_DIR", "LUZIA_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    own, other = tmp_path / "own", tmp_path / "other"
    for each in (own, other):
        each.mkdir()
    monkeypatch.setenv("LUZIA_RUNTIME_DIR", str(own))
    monkeypatch.setenv("HOME", str(own))
    monkeypatch.setenv("XDG_STATE_HOME", str(other))
    assert environment.state_dir() == str(other / "luzia")
    os.chown(other, 65534, 65534)
    assert environment.state_dir() == str(own / ".local" / "state" / "luzia")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(other))
    assert environment.state_dir().startswith(os.path.expanduser("~root/"))
    assert environment.config_file().startswith(os.path.expanduser("~root/"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a directory of another user's")
def test_a_command_of_root_leaves_nothing_in_the_state_directory_of_a_user(tmp_path: Path) -> None:
    with private_luzia() as luzia:
        state = Path(luzia.root, "state")
        state.mkdir()
        os.chown(state, 65534, 65534)
        done = luzia.run("jobs")
        assert done.returncode == 3
        assert f"the state directory {state} belongs to another user" in done.stderr.decode()
        assert list(state.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a directory of another user's")
def test_jobs_of_root_get_no_directory_of_the_user_whose_variables_were_kept(tmp_path: Path) -> None:
    with private_luzia() as luzia:
        os.chown(tmp_path, 65534, 65534)
        names = ("HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
        luzia.env |= dict.fromkeys(names, str(tmp_path))
        job = luzia.shell("env")
        luzia.client().wait(job)
        found = dict(line.partition("=")[::2] for line in luzia.client().read_output(job).data.splitlines())
        assert str(tmp_path) not in found.values()
        assert found["HOME"] == os.path.expanduser("~root")


def test_jobs_know_their_user_also_when_the_daemon_was_started_without_variables() -> None:
    with private_luzia() as luzia:
        kept = {name: value for name, value in luzia.env.items() if name.startswith("LUZIA_")}
        luzia.env = kept | {"PATH": os.environ["PATH"], "HOME": ""}
        job = luzia.shell("env")
        luzia.client().wait(job)
        found = dict(line.partition("=")[::2] for line in luzia.client().read_output(job).data.splitlines())
        user = pwd.getpwuid(os.geteuid())
        assert (found["HOME"], found["USER"], found["LOGNAME"]) == (user.pw_dir, user.pw_name, user.pw_name)
