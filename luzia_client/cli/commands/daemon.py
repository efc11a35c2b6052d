"""Start, stop, restart, reload or inspect luziad. Running jobs are not affected.

If systemd manages the daemon, `stop` and `restart` use systemctl.
"""

from __future__ import annotations

import argparse
import os
import select
import subprocess
import sys
from datetime import UTC, datetime

from luzia_protocol import environment
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.replies import DaemonInfo

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.administration.unreachable import end, find_unreachable, get_info
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.formatting import describe_suspensions, format_counts, format_duration, format_size
from luzia_client.cli.show.output import print_fields, print_json
from luzia_client.transport import autostart
from luzia_client.transport.daemon_process import find_daemon
from luzia_client.transport.endpoint import DaemonUnreachableError
from luzia_client.transport.service import SERVICE_UNIT, Service, service_of

EXAMPLES = (
    ("luzia daemon status", "show its status and the paths of its files"),
    ("luzia daemon restart", "restart it after an upgrade"),
    ("luzia daemon install-service --dry-run", "show what install-service would do"),
)

STOP_TIMEOUT_S = 60.0
ACTIONS = {
    "start": "start the daemon, even if autostart is off",
    "stop": "stop the daemon; the next command may start it again",
    "restart": "stop the daemon and start it again",
    "reload": "reload the configuration",
    "status": "show the status of the daemon",
    "snapshots": "list the snapshots of the job store",
    "restore": "replace the job store with SNAPSHOT, keeping the old one",
    "install-service": "write and enable the systemd units of the daemon",
}
_OPTIONS = {
    "restore": ("snapshot", "yes"),
    "install-service": ("user", "system", "dry_run"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.epilog = "Actions:\n" + "\n".join(f"  {name:<15} {text}" for name, text in ACTIONS.items())
    parser.add_argument("action", choices=list(ACTIONS), metavar="ACTION", help="see below")
    parser.add_argument(
        "snapshot",
        nargs="?",
        metavar="SNAPSHOT",
        help="for `restore`: the name of a snapshot, or the path of a job store",
    )
    parser.add_argument(
        "--yes", action="store_true", help="for `restore`: stop a running daemon first, and start it again afterwards"
    )
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument(
        "--user", action="store_true", help="for `install-service`: a user service (the default, except for root)"
    )
    whose.add_argument(
        "--system", action="store_true", help="for `install-service`: a system service that runs as the user luzia"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="for `install-service`: only show the files and the commands"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    own = _OPTIONS.get(args.action, ())
    if any(getattr(args, name) for names in _OPTIONS.values() for name in names if name not in own):
        raise UsageError(
            f"`luzia daemon {args.action}` does not take these arguments",
            "`luzia daemon --help` shows which action each argument belongs to.",
        )
    actions = {
        "start": _start,
        "stop": _stop,
        "restart": _restart,
        "reload": _reload,
        "status": _status,
        "snapshots": _snapshots,
        "restore": _restore,
        "install-service": _install_service,
    }
    return actions[args.action](args)


def _start(args: argparse.Namespace) -> int:
    _refuse_inside_job()
    service = service_of(environment.socket_path())
    if service is not None and not autostart.is_listening(environment.socket_path()):
        return _systemctl(service, "start")
    started = autostart.start_daemon(environment.socket_path(), on_demand=False)
    info = _info()
    return _print_result(args, "Started" if started else "Already running:", info.pid, info.log_file)


def _stop(args: argparse.Namespace) -> int:
    with Client(autostart=False) as client:
        try:
            info = get_info(client)
        except DaemonUnreachableError as exc:
            return _stop_unreachable(args, exc)
        if info.managed_by == "systemd":
            return _systemctl(_service(info.runtime_dir), "stop")  # the socket as well, or the next client starts it
        with autostart.start_lock() as lock:
            autostart.record_stop(lock)
            _shut_down(client, info)
    return _print_result(args, "Stopped", info.pid, info.log_file)


def _stop_unreachable(args: argparse.Namespace, problem: DaemonUnreachableError) -> int:
    """Stop a daemon that does not reply, which its lock leads to."""
    daemon = find_unreachable(problem)
    if daemon is None:
        return _not_running(args)
    if daemon.manager == "systemd":
        return _systemctl(_service(environment.runtime_dir()), "stop")
    with autostart.start_lock() as lock:
        autostart.record_stop(lock)
        end(daemon, STOP_TIMEOUT_S)
    return _print_result(args, "Stopped", daemon.pid, environment.log_file())


def _restart_unreachable(args: argparse.Namespace, problem: DaemonUnreachableError) -> int:
    """Restart a daemon that does not reply, which its lock leads to; start one if none is running."""
    daemon = find_unreachable(problem)
    if daemon is None:
        return _start(args)
    _check_config(environment.config_file())
    if daemon.manager == "systemd":
        return _systemctl(_service(environment.runtime_dir()), "restart", SERVICE_UNIT)
    with autostart.start_lock() as lock:
        end(daemon, STOP_TIMEOUT_S)
        autostart.launch_daemon(environment.socket_path(), lock, on_demand=False)
    info = _info()
    return _print_result(args, "Started", info.pid, info.log_file)


def _check_config(path: str) -> None:
    """Raise Refused when a new daemon could not start with this configuration, so that the old one keeps running."""
    mistakes = autostart.config_errors(path)
    if mistakes:
        raise Refused(
            ErrorCode.CONFIG_INVALID,
            f"cannot restart luziad: {mistakes[0]}",
            "Correct it and try again; `luzia doctor` lists all errors. The daemon keeps running.",
        )


def _restart(args: argparse.Namespace) -> int:
    _refuse_inside_job()
    with Client(autostart=False) as client:
        try:
            info = get_info(client)
        except DaemonUnreachableError as exc:
            return _restart_unreachable(args, exc)
        _check_config(info.config_file)
        if info.managed_by == "systemd":
            return _systemctl(_service(info.runtime_dir), "restart", SERVICE_UNIT)
        with autostart.start_lock() as lock:
            _shut_down(client, info)
            autostart.launch_daemon(environment.socket_path(), lock, on_demand=False)
    info = _info()
    return _print_result(args, "Started", info.pid, info.log_file)


def _reload(args: argparse.Namespace) -> int:
    with Client() as client:
        reloaded = client.reload_config()
    if args.json:
        print_json(reloaded)
        return exit_codes.OK
    print(f"Reloaded {reloaded.config_file} (projects: {reloaded.projects}, agents: {reloaded.agents})")
    if reloaded.restart_needed:
        print(f"Restart needed (`luzia daemon restart`) for: {', '.join(reloaded.restart_needed)}")
    _warn_of_notices(reloaded.config_file)
    return exit_codes.OK


def _warn_of_notices(file: str) -> None:
    """Say what is wrong with the tables of `luzia notify`, which luziad does not read and which stop nothing here."""
    from luzia_client.notify.names import check_settings

    if os.access(file, os.R_OK):
        for mistake in check_settings(file, is_running=True):
            print_error(mistake.message, mistake.hint, exit_codes.OK)


def _status(args: argparse.Namespace) -> int:
    with Client(autostart=False) as client:
        try:
            info = get_info(client)
        except DaemonUnreachableError as exc:
            if not args.json:
                return print_error(exc.message, exc.hint, exit_codes.UNREACHABLE)
            daemon = find_daemon()
            print_json({"running": False} if daemon is None else {"running": True, "pid": daemon.pid, "replies": False})
            return exit_codes.UNREACHABLE
    if args.json:
        print_json(info)
        return exit_codes.OK
    print_fields(describe_daemon(info))
    for notice in info.notices:
        print(f"! {notice}")
    return exit_codes.OK


def _snapshots(args: argparse.Namespace) -> int:
    from luzia_client.cli.administration import snapshots

    return snapshots.list_snapshots(args)


def _restore(args: argparse.Namespace) -> int:
    from luzia_client.cli.administration import snapshots

    _refuse_inside_job()
    return snapshots.restore_snapshot(args, _shut_down)


def _install_service(args: argparse.Namespace) -> int:
    from luzia_client.cli.administration import install_service

    _refuse_inside_job()
    is_system = args.system or (os.geteuid() == 0 and not args.user)
    return install_service.install(Service(is_system=is_system), is_dry_run=args.dry_run)


def describe_daemon(info: DaemonInfo) -> list[tuple[str, str]]:
    """The status of the daemon, as labels and texts."""
    return [
        ("luziad", f"{info.version}, pid {info.pid}, up {format_duration(info.uptime_s)}, {info.managed_by}"),
        ("Jobs", format_counts(info.counts, info.held)),
        *(
            ("Stopped", f"{words}; end with `{command}`")
            for words, command in describe_suspensions(info.queues, datetime.now(UTC))
        ),
        ("Slots", f"{info.slots_used} of {info.slots} in use"),
        ("Memory", format_size(info.rss_bytes)),
        ("Clients", f"{info.connections} connected, {info.subscribers} subscribed"),
        ("Storage", f"{info.storage}, last snapshot: {info.last_snapshot or 'none yet'}"),
        ("Socket", info.socket),
        ("State", info.state_dir),
        ("Job files", info.jobs_dir),
        ("Config", info.config_file if os.path.exists(info.config_file) else f"{info.config_file} (none)"),
        ("Log", info.log_file or "the journal (journalctl -u luziad)"),
    ]


def _refuse_inside_job() -> None:
    """Raise UsageError inside a job: the daemon would get the job's environment, and end with the job."""
    if os.environ.get("LUZIA_JOB_ID"):
        raise UsageError("the daemon cannot be started from inside a job", "Start it from outside the job.")


def _info() -> DaemonInfo:
    with Client(autostart=False) as client:
        return client.get_info()


def _shut_down(client: Client, info: DaemonInfo) -> None:
    """Stop the daemon, and return when its process has ended and its locks are free."""
    try:
        process = os.pidfd_open(info.pid)
    except ProcessLookupError:
        process = None
    client.stop_daemon()
    if process is None:
        return
    try:
        poll = select.poll()
        poll.register(process, select.POLLIN)
        if not poll.poll(STOP_TIMEOUT_S * 1000):
            raise DaemonUnreachableError(
                f"luziad (pid {info.pid}) has not stopped after {STOP_TIMEOUT_S:.0f} s",
                f"See its log: {info.log_file or 'journalctl -u luziad'}.",
            )
    finally:
        os.close(process)


def _service(runtime_dir: str) -> Service:
    """The service of a daemon that systemd has started."""
    return Service(is_system=runtime_dir == environment.SYSTEM_RUNTIME_DIR)


def _systemctl(service: Service, verb: str, *units: str) -> int:
    """Run systemctl for these units of a service, or for all; returns the exit status."""
    argv = service.systemctl(verb, *units)
    print(f"systemd manages luziad; running {' '.join(argv)}", file=sys.stderr)
    try:
        if subprocess.run(argv, check=False).returncode == 0:
            return exit_codes.OK
    except FileNotFoundError:
        return print_error(
            "systemctl is not installed", f"Run this on the host of luziad: {' '.join(argv)}", exit_codes.REFUSED
        )
    return print_error(f"systemctl could not {verb} luziad", service.failure_hint(verb, *units), exit_codes.REFUSED)


def _print_result(args: argparse.Namespace, what: str, pid: int, log_file: str | None) -> int:
    if args.json:
        print_json({"pid": pid, "socket": environment.socket_path(), "log_file": log_file})
    else:
        print(f"{what} luziad (pid {pid})")
    return exit_codes.OK


def _not_running(args: argparse.Namespace) -> int:
    if args.json:
        print_json({"pid": None, "socket": environment.socket_path(), "log_file": None})
    else:
        print("luziad is not running")
    return exit_codes.OK
