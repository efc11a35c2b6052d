"""Run five real tasks at once on a daemon of their own: watched live, listed, measured, cleaned away."""

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

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.demo.measurements import Dispatches, dispatch_tasks, measure
from luzia_client.cli.demo.project import TASKS, job_variables, make_project
from luzia_client.cli.show.formatting import LIVE_STATES
from luzia_client.cli.show.screen import Screen, stdout_screen
from luzia_client.cli.show.text import cut, one_line
from luzia_client.cli.watch.watch_jobs import describe_results, watch_jobs
from luzia_client.transport.endpoint import DaemonUnreachableError

EXAMPLES = (("luzia demo", "five jobs at once, in a directory of their own"),)

SLOTS = 8
END_TIMEOUT_S = 20.0
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OTHERS = ("LUZIA_SOCKET", "LUZIA_JOBS_DIR", "LUZIA_JOB_ID", "LUZIA_NO_AUTOSTART", "LUZIA_MAX_JOBS")


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes: nothing."""
    parser.description = "Shows luzia at work on a small project of its own; leaves nothing behind."


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    del args
    if shutil.which("git") is None:
        print("luzia: the demo needs git, which is not on the PATH", file=sys.stderr)
        return exit_codes.INPUT_OUTPUT
    # A socket's path may have 107 bytes at the most, so a long TMPDIR will not do.
    base = tempfile.gettempdir()
    with (
        _ended_by_signals(),
        tempfile.TemporaryDirectory(prefix="luzia-demo-", dir=base if len(base) < 60 else "/tmp") as root,
        _own_luzia(root) as client,
    ):
        return _show(client, root)


def _show(client: Client, root: str) -> int:
    screen = stdout_screen()
    files = make_project(os.path.join(root, "project"))
    info = client.get_info()
    print(screen.paint("luzia demo", "bold"))
    print(f"A git project of {files} files in {root}\nA daemon of its own, pid {info.pid}\n")
    begun = _start(screen)
    ids = [answer.job for answer, _ in begun.dispatched]
    print(flush=True)
    board = asyncio.run(watch_jobs(ids))
    if not screen.live:
        print()
    print("\n".join(describe_results(board, screen, table=True, hints=False)))
    for job in board.ended.values():
        if job.state is JobState.FAILED:
            said = client.read_output(job.id, tail=2).data.strip()
            for line in said.splitlines():
                print(screen.paint(f"      {cut(one_line(line), (screen.width or 200) - 6)}", "dim"))
    print(f"\n{screen.paint('Measured here and now', 'bold')}")
    for name, figure in measure(client, begun, SLOTS):
        print(f"  {name:<10}{figure}")
    expected = [JobState.FAILED if task == "./lint" else JobState.COMPLETED for task in TASKS]
    states = [board.ended[job].state for job in ids]
    print("\nThe daemon is being ended, and everything removed.", flush=True)
    return exit_codes.OK if states == expected else exit_codes.JOB_FAILED


def _start(screen: Screen) -> Dispatches:
    """Dispatch the tasks at once, and print each confirmation, what it took, and what each job does right after."""
    begun = asyncio.run(dispatch_tasks("demo", TASKS, job_variables()))
    mark = screen.paint(f"{'✓' if screen.blocks else '*'} Dispatched", "green")
    for (answer, elapsed_s), task in zip(begun.dispatched, TASKS, strict=True):
        print(f"{mark}  {task:<14}{elapsed_s * 1000:6.1f} ms   {answer.name}")
    print(f"{len(TASKS)} at once through the Python API: {begun.together_s * 1000:.1f} ms together\n")
    for job, elapsed_s in begun.polled:
        print(f"  {job.id}  asked by itself: {job.state:<9}{elapsed_s * 1000:6.1f} ms")
    return begun


@contextmanager
def _own_luzia(root: str) -> Iterator[Client]:
    """A luzia apart from all others, below `root`; ended with all its jobs on the way out."""
    _write_files(root)
    before = dict(os.environ)
    for name in _OTHERS:
        os.environ.pop(name, None)
    os.environ["LUZIA_RUNTIME_DIR"] = os.path.join(root, "run")
    os.environ["LUZIA_STATE_DIR"] = os.path.join(root, "state")
    os.environ["LUZIA_CONFIG"] = os.path.join(root, "config.toml")
    os.environ["PATH"] = os.path.join(root, "bin") + os.pathsep + os.environ.get("PATH", os.defpath)
    try:
        with Client() as client:
            try:
                with _signals_later():
                    client.get_info()  # starts the daemon, which must not be left half started
                yield client
            finally:
                # A second Ctrl-C must not leave half of it running.
                for number in _ENDING:
                    signal.signal(number, signal.SIG_IGN)
                _end(Client(autostart=False))
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


def _end(client: Client) -> None:
    """Cancel what is live, end the daemon and its fork server, and see that they are gone."""
    try:
        info = client.get_info()
        live = [job.id for job in client.iter_jobs(states=LIVE_STATES)]
        for job in live:
            client.cancel(job)
        client.wait(live, timeout_s=END_TIMEOUT_S)
        client.stop_daemon()
    except DaemonUnreachableError:
        return  # it never started
    for pid in (info.pid, info.fork_server_pid):
        if pid is not None:
            _await_end(pid)


def _await_end(pid: int) -> None:
    """Wait for a process to end; after END_TIMEOUT_S it is killed."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        gone = select.poll()
        gone.register(process, select.POLLIN)
        if not gone.poll(END_TIMEOUT_S * 1000):
            signal.pidfd_send_signal(process, signal.SIGKILL)
    finally:
        os.close(process)


@contextmanager
def _signals_later() -> Iterator[None]:
    """Put off what the signals that end the demo do until the end of the block.

    They are caught, not blocked or ignored, because a process that is started here would inherit that.
    """
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _ENDING}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
    if came:
        signal.raise_signal(came[0])


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo as Ctrl-C does: with everything cleaned away."""

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        raise SystemExit(128 + number)

    before = {number: signal.getsignal(number) for number in _ENDING}
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
