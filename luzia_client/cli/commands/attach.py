"""Take over the conversation with a job's agent: its own interface opens in this terminal, on the session of the job.

A running agent is terminated first, since a session can have one process at a time. With --pause, the job continues in
the background when you leave; with --end, it ends then; without either, you are asked. A finished job keeps its state,
unless you mark its task as done (--done, or when you are asked). What you do is recorded as an attempt of the job.

Leave as usual (/exit, Ctrl-D). Meanwhile the job cannot be retried, merged, removed or attached by others. If this
terminal is lost, the agent is terminated, and the job continues or ends as you have chosen.
"""

from __future__ import annotations

import argparse
import signal
import sys

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.replies import AttachResult, JobChange

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.editor import has_terminal
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import ID_HELP
from luzia_client.cli.args.prompts import ask
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.text import harmless
from luzia_client.cli.terminal.foreground import Ended, run_in_foreground
from luzia_client.transport.endpoint import DaemonUnreachableError

EXAMPLES = (
    ("luzia attach a2f5", "continue the conversation of a finished job"),
    ("luzia attach --pause @running", "take over a running job, and give it back when you leave"),
    ("luzia attach --end --done a2f5", "finish its task yourself"),
)


_BACKGROUND = (JobState.STARTING, JobState.RUNNING)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", metavar="ID", help=ID_HELP)
    then = parser.add_mutually_exclusive_group()
    then.add_argument("--pause", action="store_true", help="let the job continue in the background when you leave")
    then.add_argument("--end", action="store_true", help="end the job when you leave")
    done = parser.add_mutually_exclusive_group()
    done.add_argument("--done", action="store_true", help="mark the job as completed when you leave")
    done.add_argument("--not-done", action="store_true", help="do not ask whether its task is done")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if not has_terminal():
        raise UsageError(
            "attach needs a terminal", f"To send the agent a message, use `luzia send {harmless(args.job)} TEXT`."
        )
    if args.pause and args.done:
        raise UsageError("--pause cannot be combined with --done", "A job that continues is not done yet.")
    with Client() as client:
        job = client.get_job(args.job)
        then = "continue" if args.pause else "end" if args.end else _choose(job)
        if then == "":
            return exit_codes.INTERRUPTED
        if _is_active(job):
            _say(f"Ending the attempt in progress of job {job.id} …")
        found = client.attach(job.id, then or None)  # type: ignore[arg-type]
    return _use(job, found, args)


def _use(job: Job, found: AttachResult, args: argparse.Namespace) -> int:
    """Run the agent, and report its end."""
    _say(f"Attached to job {found.job} ({job.agent}). Leave the agent to return.")
    try:
        ended = run_in_foreground(found.argv, found.env, found.directory, found.umask)
    except OSError as exc:
        _report(found, Ended(None, None, was_told=True), completed=False)
        return print_error(f"{found.argv[0]}: {exc.strerror or exc}", "", exit_codes.INPUT_OUTPUT)
    completed = ended.exit_code == 0 and not ended.was_told and (args.done or _is_done(job, args))
    change = _report(found, ended, completed=completed)
    if change is not None:
        if not _has_left(ended):
            _say(_describe(ended))
        state = "continues in the background" if change.state in _BACKGROUND else f"is {change.state}"
        _say(f"Recorded as attempt {found.attempt} of job {found.job}, which {state}.")
    return exit_codes.OK


def _report(found: AttachResult, ended: Ended, *, completed: bool) -> JobChange | None:
    try:
        with Client() as client:
            return client.detach(found.job, exit_code=ended.exit_code, signal=ended.signal, completed=completed)
    except DaemonUnreachableError as exc:
        _say(f"The daemon does not know yet that you have left, and finds out when it starts: {exc.message}")
    except Refused as refused:
        if refused.code is not ErrorCode.NOT_ATTACHED:
            raise
        _say(f"Job {found.job} was no longer attached.")
    return None


def _choose(job: Job) -> str | None:
    """What follows for a job with an attempt in progress; None for another job, empty to give up."""
    if not _is_active(job):
        return None
    _say(f"Job {job.id} is {job.state}; its agent is terminated first.")
    while True:
        answer = _ask("[c]ontinue in the background when you leave, [e]nd then, or do [n]ot attach? ")
        if answer[:1] in ("c", "e", "n", ""):
            return {"c": "continue", "e": "end"}.get(answer[:1], "")


def _is_done(job: Job, args: argparse.Namespace) -> bool:
    """Whether the user says that the task is done, where that changes something."""
    continues = args.pause or job.state is JobState.QUEUED
    if args.not_done or continues or job.state is JobState.COMPLETED:
        return False
    return _ask(f"Is the task of job {job.id} done? [y/N] ").startswith("y")


def _is_active(job: Job) -> bool:
    """Whether an agent works on the job in the background; the daemon refuses one that is attached already."""
    return not job.state.is_final and job.state is not JobState.QUEUED and job.attached is None


def _ask(question: str) -> str:
    return (ask(question) or "").lower()


def _has_left(ended: Ended) -> bool:
    """Whether the agent has ended as its user, `luzia detach` or `luzia cancel` ends it."""
    return ended.signal == "SIGTERM" or ended.exit_code in (0, 128 + signal.SIGTERM)


def _describe(ended: Ended) -> str:
    if ended.signal is not None:
        return f"The agent was terminated by {ended.signal}."
    return f"The agent has ended with exit code {ended.exit_code}."


def _say(text: str) -> None:
    try:
        print(harmless(text), file=sys.stderr, flush=True)
    except OSError:  # the terminal was lost, and nothing can be shown any more
        return
