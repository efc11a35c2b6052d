"""How the daemon starts: where it may, once, and with a clear word where it may not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from support import DEADLINE_S, PrivateDaemon, eventually, private_daemon

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        yield running


@pytest.fixture
def stopped(daemon: PrivateDaemon) -> PrivateDaemon:
    daemon.stop()
    return daemon


AS_NOBODY = """
import os, sys
from luziad.cli import main
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.exit(main())
"""


def attempt(
    daemon: PrivateDaemon, *arguments: str, program: Sequence[str] = ("-m", "luziad"), **env: str
) -> subprocess.CompletedProcess[str]:
    """Start luziad where it should end by itself."""
    command = [sys.executable, *program, *arguments]
    return subprocess.run(
        command, env=daemon.env | env, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


def test_a_second_daemon_is_told_about_the_first_and_changes_nothing(daemon: PrivateDaemon) -> None:
    assert daemon.process is not None
    second = attempt(daemon)
    assert second.returncode == 1
    assert f"pid {daemon.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    with daemon.connect() as wire:
        assert wire.ok(op="info")["pid"] == daemon.process.pid


def test_a_second_daemon_on_the_same_store_is_refused_whatever_its_runtime_directory(daemon: PrivateDaemon) -> None:
    second = attempt(daemon, LUZIA_RUNTIME_DIR=str(daemon.root / "other"))
    assert second.returncode == 1
    assert str(daemon.state) in second.stderr


def test_a_socket_that_a_dead_daemon_left_is_replaced(daemon: PrivateDaemon) -> None:
    daemon.kill()
    assert Path(daemon.socket).is_socket()
    daemon.start()
    with daemon.connect() as wire:
        wire.ok(op="info")


@pytest.mark.parametrize("what", ["file", "directory"])
def test_what_is_no_socket_is_not_removed(stopped: PrivateDaemon, what: str) -> None:
    path = Path(stopped.socket)
    path.unlink(missing_ok=True)
    path.write_text("mine") if what == "file" else path.mkdir()
    refused = attempt(stopped)
    assert refused.returncode == 1
    assert "is not a socket" in refused.stderr
    assert path.exists()


def test_a_runtime_directory_that_is_a_link_or_a_file_is_refused(stopped: PrivateDaemon) -> None:
    (stopped.root / "elsewhere").mkdir()
    (stopped.root / "link").symlink_to(stopped.root / "elsewhere")
    (stopped.root / "file").write_text("")
    for name in ("link", "file"):
        refused = attempt(stopped, LUZIA_RUNTIME_DIR=str(stopped.root / name))
        assert refused.returncode == 1
        assert "is not a directory" in refused.stderr
    assert list((stopped.root / "elsewhere").iterdir()) == []


@as_root
def test_a_runtime_directory_of_somebody_else_is_refused(stopped: PrivateDaemon) -> None:
    foreign = stopped.root / "foreign"
    foreign.mkdir()
    os.chown(foreign, 65534, 65534)
    refused = attempt(stopped, LUZIA_RUNTIME_DIR=str(foreign))
    assert refused.returncode == 1
    assert "belongs to" in refused.stderr


@as_root
def test_directories_that_cannot_be_written_are_named(stopped: PrivateDaemon) -> None:
    os.chmod(stopped.root, 0o755)
    stopped.root.joinpath("closed").mkdir(mode=0o555)
    for variable in ("LUZIA_RUNTIME_DIR", "LUZIA_STATE_DIR"):
        home = stopped.root / f"home-{variable}"
        home.mkdir()
        home.chmod(0o777)
        env = {"LUZIA_RUNTIME_DIR": str(home / "run"), "LUZIA_STATE_DIR": str(home / "state")}
        env[variable] = str(stopped.root / "closed" / "below")
        refused = attempt(stopped, program=["-c", AS_NOBODY], **env)
        assert refused.returncode == 1
        assert str(stopped.root / "closed") in refused.stderr
        assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("variable", ["LUZIA_RUNTIME_DIR", "LUZIA_STATE_DIR", "LUZIA_JOBS_DIR"])
def test_a_directory_that_others_can_write_to_is_refused_and_left_as_it_is(
    stopped: PrivateDaemon, variable: str
) -> None:
    place = stopped.root / "open"
    place.mkdir()
    place.chmod(0o777)
    refused = attempt(stopped, **{variable: str(place)})
    assert refused.returncode == 1
    assert f"other users can write to {place} (mode 777)" in refused.stderr
    assert variable in refused.stderr
    assert place.stat().st_mode & 0o777 == 0o777
    assert list(place.iterdir()) == []


def test_a_command_starts_no_daemon_in_a_runtime_directory_that_others_can_write_to(stopped: PrivateDaemon) -> None:
    run = stopped.root / "run"
    run.chmod(0o777)
    del stopped.env["LUZIA_NO_AUTOSTART"]
    refused = stopped.run("jobs")
    assert refused.returncode == 3
    assert f"other users can write to the runtime directory {run}" in refused.stderr
    assert run.stat().st_mode & 0o777 == 0o777


def test_a_runtime_directory_that_others_can_only_read_is_used_as_it_is(stopped: PrivateDaemon) -> None:
    run = stopped.root / "run"
    run.chmod(0o755)
    stopped.start()
    assert run.stat().st_mode & 0o777 == 0o755
    assert Path(stopped.socket).stat().st_mode & 0o777 == 0o600


@as_root
@pytest.mark.parametrize("variable", ["LUZIA_STATE_DIR", "LUZIA_JOBS_DIR"])
def test_a_directory_of_another_owner_is_refused(stopped: PrivateDaemon, variable: str) -> None:
    foreign = stopped.root / "foreign"
    foreign.mkdir(mode=0o700)
    os.chown(foreign, 65534, 65534)
    refused = attempt(stopped, **{variable: str(foreign)})
    assert refused.returncode == 1
    assert f"{foreign} belongs to user " in refused.stderr
    assert list(foreign.iterdir()) == []


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("elsewhere"), Path.mkdir, os.mkfifo])
def test_a_lock_that_is_no_file_is_told_in_one_sentence(stopped: PrivateDaemon, make: Callable[[Path], None]) -> None:
    lock = stopped.state / "luziad.lock"
    lock.unlink()
    make(lock)
    refused = attempt(stopped)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"luziad: the lock {lock} cannot be opened: ")
    assert refused.stderr.count("\n") == 1
    assert not (stopped.state / "elsewhere").exists()


@as_root
def test_another_user_is_refused_with_one_error_and_closed(daemon: PrivateDaemon) -> None:
    os.chmod(daemon.root, 0o711)
    os.chmod(daemon.root / "run", 0o711)
    os.chmod(daemon.socket, 0o666)
    script = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
        's.sendall(b\'{"op":"info"}\\n\'); sys.stdout.write(s.makefile().read())'
    )
    stranger = subprocess.run(
        ["/usr/bin/env", "python3", "-c", script, daemon.socket],
        user=65534,
        group=65534,
        extra_groups=[],
        env={"PATH": "/usr/bin:/bin"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    if stranger.returncode == 127:
        pytest.skip("other users have no python3 here")
    assert stranger.stdout.count("\n") == 1, stranger.stderr
    assert '"not_allowed"' in stranger.stdout


def test_a_socket_path_that_is_too_long_says_so(stopped: PrivateDaemon) -> None:
    refused = attempt(stopped, LUZIA_SOCKET="/tmp/" + "x" * 200)
    assert refused.returncode == 1
    assert "LUZIA_SOCKET" in refused.stderr


def test_a_broken_configuration_is_told_with_every_mistake(stopped: PrivateDaemon) -> None:
    stopped.config_file.write_text('[daemon]\nmax_runing = 3\nmax_jobs = "many"\n')
    for arguments in ([], ["--check-config"]):
        refused = attempt(stopped, *arguments)
        assert refused.returncode == 2
        assert "max_running" in refused.stderr
        assert "max_jobs" in refused.stderr


def test_a_good_configuration_is_found_good(stopped: PrivateDaemon) -> None:
    assert attempt(stopped, "--check-config").returncode == 0


def test_reload_applies_a_good_file_and_refuses_a_broken_one_whole(daemon: PrivateDaemon) -> None:
    good = daemon.config_file.read_text()
    with daemon.connect() as wire:
        daemon.config_file.write_text(
            good + f'[projects.second]\npath = "{daemon.project}"\n[daemon]\nmax_runing = 1\n'
        )
        refused = wire.error(op="reload")
        assert refused["code"] == "config_invalid"
        assert "max_running" in refused["message"]
        assert [project["name"] for project in wire.ok(op="projects")["projects"]] == ["overbits"]
        daemon.config_file.write_text(
            good + f'[projects.second]\npath = "{daemon.project}"\n[daemon]\nmax_running = 1\n'
        )
        assert wire.ok(op="reload")["projects"] == 2
        assert wire.ok(op="info")["slots"] == 1


def test_projects_are_added_and_removed_in_the_file_and_its_comments_stay(daemon: PrivateDaemon) -> None:
    daemon.config_file.write_text("# mine\n" + daemon.config_file.read_text())
    with daemon.connect() as wire:
        added = wire.ok(op="project_add", name="second", path=str(daemon.root), agent="shell")
        assert [project["name"] for project in added["projects"]] == ["overbits", "second"]
        assert wire.error(op="project_add", name="second", path=str(daemon.root))["code"] == "project_exists"
        assert wire.error(op="project_add", name="third", path="/no/such")["code"] == "project_directory_missing"
        assert wire.error(op="project_add", name="a/b", path=str(daemon.root))["code"] in (
            "config_invalid",
            "bad_request",
        )
        assert "second" in daemon.config_file.read_text()
        wire.ok(op="project_remove", name="second")
        assert wire.error(op="project_remove", name="second")["code"] == "unknown_project"
    assert daemon.config_file.read_text().startswith("# mine\n")
    assert "second" not in daemon.config_file.read_text()


def test_finished_jobs_beyond_the_limit_go_oldest_first_and_live_ones_never() -> None:
    with private_daemon("[daemon]\nmax_running = 4\n", {"LUZIA_MAX_JOBS": "3"}) as daemon:
        with daemon.connect() as wire:
            live = wire.ok(op="dispatch", project="overbits", task="sleep 1000")["job"]
            jobs = []
            for _ in range(6):
                jobs.append(wire.ok(op="dispatch", project="overbits", task="true")["job"])
                wire.ok(op="wait", jobs=jobs[-1:])
            assert [job["id"] for job in wire.ok(op="list")["jobs"]] == [*jobs[:2:-1], live]
            directories = daemon.state / "jobs"
            eventually(lambda: {path.name for path in directories.iterdir()} == {live, *jobs[3:]})
        daemon.env["LUZIA_MAX_JOBS"] = "2"
        daemon.stop()
        daemon.start()
        with daemon.connect() as wire:
            listed = [job["id"] for job in wire.ok(op="list")["jobs"]]
            assert listed == [*jobs[:3:-1], live], "a lower limit applies at the next start"
            wire.ok(op="cancel", job=live)
            wire.ok(op="wait", jobs=[live])


def test_a_shutdown_answers_and_leaves_what_runs(daemon: PrivateDaemon) -> None:
    assert daemon.process is not None
    with daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", task="sleep 1000")["job"]
        eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] == "running")
        pid = wire.ok(op="status", job=job)["job"]["pid"]
        assert wire.ok(op="shutdown") == {"pid": daemon.process.pid, "running": 1}
        with pytest.raises(EOFError):
            wire.receive()
    assert daemon.process.wait(DEADLINE_S) == 0
    assert Path(f"/proc/{pid}").exists()
    assert not Path(daemon.socket).exists(), "a clean end leaves no socket behind"


CLOCK = """
import sys, time
real, shift = time.time, sys.argv.pop(1)
def jumping():
    with open(shift) as file:
        return real() + float(file.read() or 0)
time.time = jumping
from luziad.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
def test_a_clock_that_jumps_changes_no_duration_and_no_order(stopped: PrivateDaemon, jump_s: float) -> None:
    shift = stopped.root / "shift"
    shift.write_text("0")
    stopped.start(program=["-c", CLOCK, str(shift)])
    with stopped.connect() as wire:
        limited = wire.ok(op="dispatch", project="overbits", task="sleep 1000", timeout_s=3600)["job"]
        timed = wire.ok(op="dispatch", project="overbits", task="sleep 1000", timeout_s=0.5)["job"]
        eventually(lambda: wire.ok(op="info")["counts"].get("running") == 2)
        shift.write_text(str(jump_s))
        later = [wire.ok(op="dispatch", project="overbits", task="true")["job"] for _ in range(3)]
        ended = wire.ok(op="wait", jobs=[timed, *later])["jobs"]
        assert [job["state"] for job in ended] == ["timed_out", "completed", "completed", "completed"]
        assert all(0 <= job["duration_s"] < 60 for job in ended)
        assert wire.ok(op="status", job=limited)["job"]["state"] == "running"
        assert [job["id"] for job in wire.ok(op="list")["jobs"]] == [*later[::-1], timed, limited]
        wire.ok(op="cancel", job=limited)
        wire.ok(op="wait", jobs=[limited])
