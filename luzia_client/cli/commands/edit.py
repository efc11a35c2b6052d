"""Change the task, the priority or the dependencies of a queued job.

Without options, on a terminal, the task is opened in $VISUAL or $EDITOR. Other properties are unchanged. `--after none`
removes dependencies.
"""

from __future__ import annotations

import argparse

from luzia_protocol.replies import JobChange
from luzia_protocol.states import JobState

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.command_line import MAX_TASK_BYTES, decode_task
from luzia_client.cli.args.editor import edited, has_terminal
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json, parse_integer
from luzia_client.cli.args.task_source import read_source
from luzia_client.cli.show.output import print_change

EXAMPLES = (
    ('luzia edit a2f5 --task "fix the logout button"', "change the task"),
    ("luzia edit a2f5 --priority 10 --after none", "raise the priority and remove the dependencies"),
)

NONE = "none"
STDIN_HINT = "To pass it as the task itself, write it to stdin: --task -."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", metavar="ID", help="the queued job")
    parser.add_argument("--task", metavar="TEXT", help="the new task; - reads stdin, @FILE reads a file")
    parser.add_argument("--priority", type=parse_integer, metavar="N", help="the new priority, from -100 to 100")
    for option, text in (
        ("--after", "start when these jobs have completed"),
        ("--after-any", "start when these jobs have ended"),
        ("--after-fail", "start when these jobs have failed"),
    ):
        parser.add_argument(option, type=_jobs, metavar="ID,…", help=f"{text}; `{NONE}` removes them")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    changes = {name: getattr(args, name) for name in ("priority", "after", "after_any", "after_fail")}
    if args.task is not None:
        from_source = args.task == "-" or args.task[:1] == "@" != args.task
        changes["task"] = decode_task(
            read_source(args.task, MAX_TASK_BYTES, STDIN_HINT) if from_source else args.task.encode(), "the task"
        )
    with Client() as client:
        if any(value is not None for value in changes.values()):
            changed = client.edit(args.job, **changes)
        elif has_terminal():
            changed = _edit_task(client, args.job)
        else:
            raise UsageError("nothing to change", "Use --task, --priority, --after, --after-any or --after-fail.")
    print_change(changed, args.json, "changed")
    return exit_codes.OK


def _edit_task(client: Client, name: str) -> JobChange:
    """Change the task of a job in the user's editor."""
    job = client.get_job(name)
    if job.state is not JobState.QUEUED or job.argv is not None:
        return client.edit(job.id, task=job.task)  # the daemon says why it cannot be changed
    with edited(job.task, ["", f"The task of job {job.id}. An empty text changes nothing."]) as text:
        return client.edit(job.id, task=decode_task(text, "the task"))


def _jobs(text: str) -> list[str]:
    return [] if text == NONE else [job.strip() for job in text.split(",") if job.strip()]
