"""`luzia daemon snapshots` and `luzia daemon restore`, which run luziad, since only luziad reads its store."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence

import msgspec

from luzia_protocol import environment
from luzia_protocol.operations import Snapshot
from luzia_protocol.replies import DaemonInfo
from luzia_protocol.times import to_local

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.administration.unreachable import find_unreachable, get_info
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.formatting import format_size
from luzia_client.cli.show.output import print_columns
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.transport import autostart
from luzia_client.transport.endpoint import DaemonUnreachableError


def list_snapshots(args: argparse.Namespace) -> int:
    """List the snapshots, newest first."""
    result = _luziad(["--snapshots"], _info())
    if result.returncode:
        return _failed(result)
    if args.json:
        sys.stdout.write(result.stdout)
        return exit_codes.OK
    found = [msgspec.json.decode(line, type=Snapshot) for line in result.stdout.splitlines()]
    if not found:
        print("No snapshots yet. The daemon takes one after a change (snapshot_interval_s).")
        return exit_codes.OK
    rows = [
        (
            each.file.rpartition("/")[2],
            to_local(each.taken_at).strftime("%Y-%m-%d %H:%M:%S"),
            "?" if each.jobs is None else str(each.jobs),
            format_size(each.size_bytes),
            each.problem or "ok",
        )
        for each in found
    ]
    print_columns(("SNAPSHOT", "TAKEN", "JOBS", "SIZE", "STATE"), rows, stdout_screen())
    return exit_codes.OK


def restore_snapshot(args: argparse.Namespace, shut_down: Callable[[Client, DaemonInfo], None]) -> int:
    """Restore a snapshot. With --yes a running daemon is stopped first and started again afterwards."""
    if args.snapshot is None:
        raise UsageError("no snapshot given", "`luzia daemon snapshots` lists the snapshots.")
    info = _info()
    if info is None:
        with autostart.start_lock():
            return _restore(args, None)
    if info.managed_by == "systemd":
        remedy = "Run `systemctl stop luziad.socket luziad.service` (with --user for your own daemon), and try again."
        return print_error("systemd manages luziad", remedy, exit_codes.REFUSED)
    if not args.yes:
        return print_error(
            f"luziad is running (pid {info.pid})",
            "Pass --yes to stop it, restore the snapshot, and start it again. Running agents are not affected.",
            exit_codes.REFUSED,
        )
    with autostart.start_lock() as lock, Client(autostart=False) as client:
        shut_down(client, info)
        try:
            return _restore(args, info)
        finally:
            autostart.launch_daemon(environment.socket_path(), lock, on_demand=False)


def _restore(args: argparse.Namespace, info: DaemonInfo | None) -> int:
    result = _luziad(["--restore", args.snapshot], info)
    if result.returncode:
        return _failed(result)
    print(result.stdout, end="")
    return exit_codes.OK


def _info() -> DaemonInfo | None:
    """The status of the daemon, None if none is running. Raises DaemonUnreachableError if it does not reply."""
    with Client(autostart=False) as client:
        try:
            return get_info(client)
        except DaemonUnreachableError as exc:
            if find_unreachable(exc) is not None:
                raise
            return None


def _luziad(options: Sequence[str], info: DaemonInfo | None) -> subprocess.CompletedProcess[str]:
    """Run luziad with the directories of the running daemon, or with the default ones."""
    env = autostart.daemon_environment(environment.socket_path())
    if info is not None:
        env |= {"LUZIA_STATE_DIR": info.state_dir, "LUZIA_JOBS_DIR": info.jobs_dir, "LUZIA_CONFIG": info.config_file}
    argv = [*autostart.daemon_command(), *options]
    return subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def _failed(result: subprocess.CompletedProcess[str]) -> int:
    lines = [line for line in result.stderr.splitlines() if line.strip()] or [f"exit status {result.returncode}"]
    return print_error(
        lines[-1].removeprefix("luziad: "), "`luzia daemon snapshots` lists the snapshots.", exit_codes.REFUSED
    )
