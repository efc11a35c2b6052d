"""Planted secrets are found where the documentation says that they are kept, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

from support import eventually, private_daemon

CONFIG = """
env = { FROM_PROJECT = "%(project)s" }
[daemon]
snapshot_interval_s = 0.05
[agents.own]
command = ["sh", "-c", "exit 5", "{task}"]
env = { FROM_AGENT = "%(agent)s" }
"""
NAMES = ("project", "agent", "daemon", "job", "caller", "refused")


def test_no_file_answer_event_log_or_snapshot_has_a_secret_but_those_that_are_for_it() -> None:
    secrets = {name: f"s3cr3t-{name}-{os.urandom(8).hex()}" for name in NAMES}
    with private_daemon(CONFIG % secrets, {"FROM_DAEMON": secrets["daemon"]}) as daemon:
        told = b""
        with daemon.connect() as wire:
            for agent, task in (("shell", 'test -n "$FROM_PROJECT$FROM_JOB"'), ("own", "x")):
                request = {"op": "dispatch", "project": "overbits", "task": task, "agent": agent}
                variables = {"env": {"FROM_JOB": secrets["job"]}, "client_env": {"FROM_CALLER": secrets["caller"]}}
                job = wire.ok(**request, **variables)["job"]
                told += repr(wire.ok(op="wait", jobs=[job])).encode()
                told += repr(wire.ok(op="status", job=job)).encode()
            for wrong in ({"env": {"A=": secrets["refused"]}}, {"env": {"A": [secrets["refused"]]}}, {"env": secrets}):
                told += repr(wire.ask(op="dispatch", project="nobody", task="x", **wrong)).encode()
            for op in ("list", "info", "projects", "agents", "reload"):
                told += repr(wire.ok(op=op)).encode()
            newest = wire.ok(op="info")["seq"]
            wire.ok(op="subscribe", after=0)
            seq = 0
            while seq < newest:
                event = wire.receive()["event"]
                seq, told = event["seq"], told + repr(event).encode()
        with daemon.connect() as wire:
            eventually(lambda: wire.ok(op="info")["last_snapshot"], "a snapshot")
        for command in (["jobs", "--all"], ["jobs", "@last"], ["doctor"], ["daemon", "status"]):
            done = daemon.run(*command)
            told += (done.stdout + done.stderr).encode()
        daemon.kill()
        files = {path: path.read_bytes() for path in daemon.root.rglob("*") if path.is_file()}
        assert any(path.parent.name == "snapshots" for path in files)
        for name, secret in secrets.items():
            assert secret.encode() not in told, name
            holders = {path.name for path, content in files.items() if secret.encode() in content}
            allowed = {
                "project": {"config.toml"},
                "agent": {"config.toml"},
                "job": {"environments.db", "environments.db-wal"},
                "caller": {"environments.db", "environments.db-wal"},
            }
            assert holders <= allowed.get(name, set()), name


def test_the_variables_of_removed_jobs_leave_every_file() -> None:
    secrets = [f"s3cr3t-{number}-{os.urandom(8).hex()}" for number in range(5)]
    with private_daemon() as daemon, daemon.connect() as wire:
        jobs = []
        for secret in secrets:
            own = {"OWN": secret, "PADDING": "x" * 3000}
            jobs.append(wire.ok(op="dispatch", project="overbits", task="true", env=own)["job"])
        wire.ok(op="wait", jobs=jobs)
        assert _secrets_in_files(daemon.state, secrets) == secrets
        for job in jobs[:4]:
            wire.ok(op="remove", job=job)
        eventually(lambda: _secrets_in_files(daemon.root, secrets) == secrets[4:], "no values of the removed jobs")


def _secrets_in_files(root: Path, secrets: list[str]) -> list[str]:
    """Those of which a file has the bytes."""
    content = b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())
    return [secret for secret in secrets if secret.encode() in content]


def test_only_the_owner_can_read_what_luzia_writes() -> None:
    with private_daemon() as daemon:
        os.chmod(daemon.root, 0o755)
        with daemon.connect() as wire:
            job = wire.ok(op="dispatch", project="overbits", task="echo x", env={"A": "b"})["job"]
            wire.ok(op="wait", jobs=[job])
        daemon.stop()
        open_to_others = [
            path
            for directory in (daemon.state, daemon.root / "run")
            for path in (directory, *directory.rglob("*"))
            if path.stat().st_mode & 0o077 and _reachable(path, daemon.root)
        ]
        assert open_to_others == []


def _reachable(path: Path, root: Path) -> bool:
    """True when another user can come as far as this file."""
    return all(parent.stat().st_mode & 0o011 for parent in path.parents if parent.is_relative_to(root))
