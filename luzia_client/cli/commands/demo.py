"""Run a demonstration: five jobs at once on a private daemon, watched live and measured. It leaves nothing behind."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import select
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from luzia_protocol.jobs import JobState
from luzia_protocol.states import LIVE_STATES

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.demo.measurements import Dispatches, dispatch_tasks, measure
from luzia_client.cli.demo.project import TASKS, job_variables, make_project
from luzia_client.cli.show.screen import Screen, stdout_screen
from luzia_client.cli.show.text import cut, one_line
from luzia_client.cli.watch.watch_jobs import describe_results, watch_jobs
from luzia_client.transport.endpoint import DaemonUnreachableError

EXAMPLES = (("luzia demo", "run five jobs in a temporary directory"),)

SLOTS = 8
EXIT_TIMEOUT_S = 20.0
_EXIT_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_UNSET_VARIABLES = ("LUZIA_SOCKET", "LUZIA_JOBS_DIR", "LUZIA_JOB_ID", "LUZIA_NO_AUTOSTART", "LUZIA_MAX_JOBS")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add no arguments."""


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    del args
    if shutil.which("git") is None:
        print("luzia: the demo requires git, which is not in PATH", file=sys.stderr)
        return exit_codes.INPUT_OUTPUT
    # The path of a socket has at most 107 bytes, too few for a long TMPDIR.
    base = tempfile.gettempdir()
    with (
        _exit_on_signals(),
        tempfile.TemporaryDirectory(prefix="luzia-demo-", dir=base if len(base) < 60 else "/tmp") as root,
        _private_daemon(root) as client,
    ):
        return _run_demo(client, root)


def _run_demo(client: Client, root: str) -> int:
    screen = stdout_screen()
    files = make_project(os.path.join(root, "project"))
    info = client.get_info()
    print(screen.paint("luzia demo", "bold"))
    print(f"Project: a git repository with {files} files in {root}\nDaemon: pid {info.pid}\n")
    dispatches = _dispatch(screen)
    ids = [answer.job for answer, _ in dispatches.results]
    print(flush=True)
    board = asyncio.run(watch_jobs(ids))
    if not screen.live:
        print()
    print("\n".join(describe_results(board, screen, table=True, hints=False)))
    for job in board.ended.values():
        if job.state is JobState.FAILED:
            output = client.read_output(job.id, tail=2).data.strip()
            for line in output.splitlines():
                print(screen.paint(f"      {cut(one_line(line), (screen.width or 200) - 6)}", "dim"))
    print(f"\n{screen.paint('Measurements', 'bold')}")
    for name, figure in measure(client, dispatches, SLOTS):
        print(f"  {name:<12}{figure}")
    expected = [JobState.FAILED if task == "./lint" else JobState.COMPLETED for task in TASKS]
    states = [board.ended[job].state for job in ids]
    print("\nStopping the daemon and removing the directory.", flush=True)
    return exit_codes.OK if states == expected else exit_codes.JOB_FAILED


def _dispatch(screen: Screen) -> Dispatches:
    """Dispatch the tasks concurrently, and print the time that each dispatch and each first status took."""
    dispatches = asyncio.run(dispatch_tasks("demo", TASKS, job_variables()))
    mark = screen.paint(f"{'✓' if screen.blocks else '*'} Dispatched", "green")
    for (answer, elapsed_s), task in zip(dispatches.results, TASKS, strict=True):
        print(f"{mark}  {task:<14}{elapsed_s * 1000:6.1f} ms   {answer.name}")
    print(f"{len(TASKS)} dispatches at once through the Python API: {dispatches.total_s * 1000:.1f} ms\n")
    for job, elapsed_s in dispatches.statuses:
        print(f"  {job.id}  status: {job.state:<9}{elapsed_s * 1000:6.1f} ms")
    return dispatches


@contextmanager
def _private_daemon(root: str) -> Iterator[Client]:
    """A client of a private daemon below `root`, which is stopped with all its jobs at the end."""
    _write_files(root)
    before = dict(os.environ)
    for name in _UNSET_VARIABLES:
        os.environ.pop(name, None)
    os.environ["LUZIA_RUNTIME_DIR"] = os.path.join(root, "run")
    os.environ["LUZIA_STATE_DIR"] = os.path.join(root, "state")
    os.environ["LUZIA_CONFIG"] = os.path.join(root, "config.toml")
    os.environ["TMPDIR"] = root  # a compiler that is terminated leaves its files there
    os.environ["PATH"] = os.path.join(root, "bin") + os.pathsep + os.environ.get("PATH", os.defpath)
    try:
        with Client() as client:
            try:
                with _defer_signals():
                    client.get_info()  # starts the daemon; a signal must not interrupt that
                yield client
            finally:
                # A second Ctrl-C must not interrupt the shutdown.
                for number in _EXIT_SIGNALS:
                    signal.signal(number, signal.SIG_IGN)
                _stop_daemon(Client(autostart=False))
    finally:
        os.environ.clear()
        os.environ.update(before)


def _write_files(root: str) -> None:
    project = os.path.join(root, "project")
    program = os.path.join(root, "bin", "luzia")
    os.makedirs(project)
    os.makedirs(os.path.dirname(program))
    with open(os.path.join(root, "config.toml"), "w", encoding="utf-8") as file:
        file.write(f"[daemon]\nmax_running = {SLOTS}\n\n[projects.demo]\npath = {json.dumps(project)}\n")
    with open(program, "w", encoding="utf-8") as file:
        code = "import sys; from luzia_client.cli.main import main; sys.exit(main())"
        file.write(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(code)} "$@"\n')
    os.chmod(program, 0o755)


def _stop_daemon(client: Client) -> None:
    """Cancel the live jobs, stop the daemon and its fork server, and wait for their exit."""
    try:
        info = client.get_info()
        live = [job.id for job in client.iter_jobs(states=LIVE_STATES)]
        for job in live:
            client.cancel(job)
        client.wait(live, timeout_s=EXIT_TIMEOUT_S)
        client.stop_daemon()
    except DaemonUnreachableError:
        return  # it was never started
    for pid in (info.pid, info.fork_server_pid):
        if pid is not None:
            _await_exit(pid)


def _await_exit(pid: int) -> None:
    """Wait for a process to exit; kill it after EXIT_TIMEOUT_S."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        poll = select.poll()
        poll.register(process, select.POLLIN)
        if not poll.poll(EXIT_TIMEOUT_S * 1000):
            signal.pidfd_send_signal(process, signal.SIGKILL)
    finally:
        os.close(process)


@contextmanager
def _defer_signals() -> Iterator[None]:
    """Defer the signals that end the demo to the end of the block.

    They are caught rather than blocked or ignored, which a process started here would inherit.
    """
    received: list[int] = []
    before = {number: signal.signal(number, lambda number, _: received.append(number)) for number in _EXIT_SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
    if received:
        signal.raise_signal(received[0])


@contextmanager
def _exit_on_signals() -> Iterator[None]:
    """Exit on SIGTERM and SIGHUP as on Ctrl-C, so that everything is removed."""

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        raise SystemExit(128 + number)

    before = {number: signal.getsignal(number) for number in _EXIT_SIGNALS}
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
