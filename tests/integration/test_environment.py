"""What a job gets from the daemon, the caller, its project and its agent; all that is done for it gets the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luzia_protocol.environment import process_umask

from git_projects import Repository
from private_luzia import PrivateLuzia, private_luzia
from support import MAIN, Connection, PrivateDaemon, dispatch, ended, private_daemon

DAEMON_PATH = "/usr/bin:/bin"
"""A PATH with nothing of a test on it."""


def program(directory: Path, name: str, script: str) -> None:
    """A program that is a shell script."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def output(wire: Connection, job: str) -> str:
    data: str = wire.ok(op="logs", job=job, max_bytes=1 << 20)["data"]
    return data


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[PrivateDaemon]:
    """A daemon whose project is a repository with a filter that is on the caller's PATH only."""
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        root = Path(directory)
        repository = Repository(root / "overbits", root / "home")
        daemon = PrivateDaemon(root, env={"HOME": str(root / "home"), "PATH": DAEMON_PATH})
        repository.init()
        repository.git("config", "--global", "filter.shout.smudge", "shout")
        repository.git("config", "--global", "filter.shout.clean", "tr A-Z a-z")
        repository.git("config", "--global", "filter.shout.required", "true")
        repository.write(".gitattributes", "*.txt filter=shout\n")
        repository.write("words.txt", "quiet\n")
        repository.commit("filtered")
        program(root / "tools", "shout", "tr a-z A-Z")
        try:
            daemon.start()
            yield daemon
        finally:
            daemon.end_everything()


def test_git_of_a_worktree_finds_a_filter_on_the_path_of_the_dispatch(plain: PrivateDaemon) -> None:
    with plain.connect() as wire:
        path = f"{plain.root}/tools:{DAEMON_PATH}"
        job = dispatch(wire, "cat words.txt", worktree=True, client_env={"PATH": path})
        assert ended(wire, job)[0]["reason"] is None
        assert output(wire, job) == "QUIET\n"
        result = wire.ok(op="clean", job=job)
        assert result["removed"], result


def test_git_of_a_worktree_gets_the_variables_and_the_umask_of_the_job(plain: PrivateDaemon) -> None:
    program(plain.root / "tools", "shout", 'echo "$OWN"')
    with plain.connect() as wire:
        path = f"{plain.root}/tools:{DAEMON_PATH}"
        job = dispatch(
            wire, "cat words.txt; stat -c %a words.txt", worktree=True, env={"PATH": path, "OWN": "mine"}, umask=0o027
        )
        ended(wire, job)
        assert output(wire, job) == "mine\n640\n"


@pytest.mark.parametrize(("given", "expected"), [(0o027, "0027\n"), (0, "0000\n"), (None, "0022\n")])
def test_a_job_has_the_umask_of_its_dispatch_and_without_one_the_daemons(
    plain: PrivateDaemon, given: int | None, expected: str
) -> None:
    before = os.umask(0o022)
    try:
        with plain.connect() as wire:
            job = dispatch(wire, "umask", umask=given)
            ended(wire, job)
            assert output(wire, job) == expected
            files = {path.name: path.stat().st_mode & 0o777 for path in (plain.state / "jobs" / job / "1").iterdir()}
            assert set(files.values()) == {0o600}, files
    finally:
        os.umask(before)


def test_an_invalid_umask_is_refused(plain: PrivateDaemon) -> None:
    with plain.connect() as wire:
        for umask in (-1, 0o1000):
            assert wire.error(op="dispatch", project="overbits", task="true", umask=umask)["code"] == "bad_request"


def test_the_jobs_of_a_graph_have_its_umask_unless_they_have_their_own(plain: PrivateDaemon) -> None:
    node = {"project": "overbits", "task": "umask"}
    nodes = [node, {**node, "umask": 7}]
    with plain.connect() as wire:
        jobs = wire.ok(op="graph", jobs=nodes, umask=0o077)["jobs"]
        ended(wire, *jobs.values())
        assert [output(wire, job) for job in jobs.values()] == ["0077\n", "0007\n"]


def test_commands_send_the_umask_of_the_shell(plain: PrivateDaemon) -> None:
    shown = subprocess.run(
        ["sh", "-c", f"umask 026; {sys.executable} -c '{MAIN}' . umask"],
        env=plain.env,
        cwd=plain.project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    with plain.connect() as wire:
        job = shown.stdout.strip().rpartition(":")[2]
        ended(wire, job)
        assert output(wire, job) == "0026\n"


def test_agents_are_looked_for_where_a_job_of_the_caller_would_find_them(tmp_path: Path) -> None:
    program(tmp_path / "shells", "claude", 'echo "2.1.330 from $ORIGIN"; [ "$LC_TIME" = C ] || exit 3')
    config = f"""
[projects.special]
path = "{{root}}/overbits"
agent = "codex"
env = {{ PATH = "{tmp_path}/projects:{DAEMON_PATH}" }}
"""
    program(tmp_path / "projects", "codex", 'echo "codex-cli 9.9.9"')
    path = f"{tmp_path}/shells:{DAEMON_PATH}"
    with private_daemon(config, {"PATH": DAEMON_PATH}) as daemon, daemon.connect() as wire:
        found = wire.ok(op="agents", client_env={"PATH": path, "LC_TIME": "C"})
        assert found["search_path"] == path
        claude = next(row for row in found["agents"] if row["name"] == "claude")
        assert (claude["path"], claude["version"], claude["problem"]) == (f"{tmp_path}/shells/claude", "2.1.330", "")
        assert claude["default"]
        found = wire.ok(op="agents")
        assert (found["search_path"], found["agents"][0]["installed"]) == (DAEMON_PATH, False)
        found = wire.ok(op="agents", project="special")
        assert found["agents"][1]["path"] == f"{tmp_path}/projects/codex"

        daemon.env |= {"PATH": path, "LC_TIME": "C"}
        shown, doctor = daemon.run("agents").stdout, daemon.run("doctor").stdout
        assert f"{tmp_path}/shells/claude" in shown
        assert f"PATH of this shell:\n  {path}\n" in shown
        assert "agents installed: claude 2.1.330" in doctor
        assert path in doctor
        assert "project special: agent codex" not in doctor  # it is on the project's PATH
        assert dispatch(wire, "true", "special", client_env={"PATH": DAEMON_PATH})


def test_a_missing_git_is_told_by_the_path_of_the_job(plain: PrivateDaemon, tmp_path: Path) -> None:
    with plain.connect() as wire:
        error = wire.error(
            op="dispatch", project="overbits", task="true", worktree=True, client_env={"PATH": str(tmp_path)}
        )
        assert error["code"] == "no_git"
        assert "PATH of the job" in error["message"]


def test_an_agent_that_only_the_projects_path_has_is_found(tmp_path: Path) -> None:
    program(tmp_path / "bin", "mine", "echo done")
    config = f"""
[agents.mine]
command = ["mine", "{{task}}"]
[projects.special]
path = "{{root}}/special"
agent = "mine"
env = {{ PATH = "{tmp_path}/bin:{DAEMON_PATH}" }}
"""
    with private_daemon(config, {"PATH": DAEMON_PATH}) as daemon, daemon.connect() as wire:
        (daemon.root / "special").mkdir()
        job = dispatch(wire, "x", "special")
        assert ended(wire, job)[0]["state"] == "completed"


PROBE = """
import json, os, resource, signal, sys
status = dict(line.rstrip("\\n").split(":\\t", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "umask": status["Umask"], "nice": os.getpriority(os.PRIO_PROCESS, 0), "policy": os.sched_getscheduler(0),
    "cpus": len(os.sched_getaffinity(0)), "ignored": status["SigIgn"], "blocked": status["SigBlk"],
    "limits": {name: resource.getrlimit(getattr(resource, name))[0] for name in (
        "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_AS", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_NPROC")},
    "files": sorted(map(int, set(os.listdir("/proc/self/fd")) - {"3"})),
    "terminal": open("/proc/self/stat").read().rpartition(")")[2].split()[4],
}))
"""


def probe(luzia: PrivateLuzia, start: list[str], **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Have a daemon started by a dispatch from a process with this state; what a job has, and what the daemon has."""
    script = Path(luzia.root) / "probe.py"
    script.write_text(PROBE)
    words = luzia.command("--agent", "shell", luzia.project, f"{sys.executable} {script}")
    done = subprocess.run([*start, *words], env=luzia.env, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    job = done.stdout.strip().rpartition(":")[2]
    with Connection(luzia.socket) as wire:
        ended(wire, job)
        found: dict[str, Any] = json.loads(output(wire, job))
        daemon = wire.ok(op="info")
    lines = Path(f"/proc/{daemon['pid']}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    return found, {
        "umask": status["Umask"],
        "nice": os.getpriority(os.PRIO_PROCESS, daemon["pid"]),
        "cpus": len(os.sched_getaffinity(daemon["pid"])),
        "ignored": int(status["SigIgn"], 16),
        "blocked": status["SigBlk"],
        "cwd": os.readlink(f"/proc/{daemon['pid']}/cwd"),
        "files": os.listdir(f"/proc/{daemon['pid']}/fd"),
        "notices": daemon["notices"],
    }


def test_a_daemon_that_a_command_starts_has_nothing_of_the_shell_that_started_it() -> None:
    """As nobody's process may raise a hard limit or its priority, only soft ones are lowered here."""
    with private_luzia() as luzia:
        normal, _ = probe(luzia, [])
    with private_luzia() as luzia, tempfile.TemporaryFile() as stray:
        shell = (
            "umask 077; ulimit -S -c 1000; ulimit -S -f 5000; ulimit -S -t 1000; ulimit -S -s 1000; ulimit -S -u 4000;"
            " trap '' HUP INT QUIT USR1 CHLD PIPE; exec taskset -c 0 \"$@\""
        )
        found, daemon = probe(
            luzia,
            ["bash", "-c", shell, "bash"],
            pass_fds=[stray.fileno()],
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD}),
        )
        opened = [os.readlink(f"/proc/self/fd/{stray.fileno()}")]
    assert found.pop("umask") == "0077"  # that of the dispatch
    normal.pop("umask")
    assert found == normal
    assert (daemon["umask"], daemon["cwd"]) == ("0022", "/")
    assert daemon["cpus"] == len(os.sched_getaffinity(1)) or os.geteuid() != 0
    assert daemon["blocked"] == "0000000000000000"
    # The C library keeps two signals to itself, and posix_spawn(3), as used by make, lets children ignore one of them.
    assert {each for each in signal.valid_signals() if daemon["ignored"] >> each - 1 & 1} == {
        signal.SIGPIPE,
        signal.SIGXFSZ,
    }
    assert daemon["notices"] == []
    assert opened


def has_capability(number: int) -> bool:
    """Whether this process has a capability of <linux/capability.h>."""
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
    return bool(effective >> number & 1)


@pytest.mark.parametrize(
    ("capability", "shell"),
    [(23, 'exec nice -n 7 chrt -b 0 "$@"'), (24, 'ulimit -v 8000000 -f 90000; exec "$@"')],
    ids=["priority", "hard limits"],
)
def test_a_privileged_daemon_also_resets_what_needs_a_privilege(capability: int, shell: str) -> None:
    if not has_capability(capability):
        pytest.skip("the privilege is missing here")
    with private_luzia() as luzia:
        normal, _ = probe(luzia, [])
    with private_luzia() as luzia:
        found, daemon = probe(luzia, ["bash", "-c", shell, "bash"])
    assert found == normal
    assert (daemon["nice"], daemon["notices"]) == (0, [])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_what_cannot_be_reset_is_a_notice() -> None:
    code = (
        "import sys; from luziad.operations.process_state import reset_process_state;"
        "print('\\n'.join(reset_process_state()))"
    )
    shell = 'ulimit -v 8000000; exec nice -n 7 setpriv --reuid=65534 --clear-groups "$@"'
    done = subprocess.run(
        ["bash", "-c", shell, "bash", sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "niceness" in done.stdout, done.stderr
    assert "address space" in done.stdout


def test_the_umask_is_read_without_a_change_of_it() -> None:
    before = os.umask(0o031)
    try:
        assert process_umask() == 0o031
    finally:
        os.umask(before)
