"""Change a queued job: what it is to do, how urgent it is, what it comes after.

What is not named stays. `--after none` takes away what the job waits for.
"""

from __future__ import annotations

import argparse

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.command_line import MAX_TASK_BYTES, decode_task
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.args.task_source import read_source
from luzia_client.cli.show.output import print_json

EXAMPLES = (
    ('luzia edit a2f5 --task "fix the logout button"', "another task"),
    ("luzia edit a2f5 --priority 10 --after none", "sooner, and after nothing"),
)

NONE = "none"


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("job", metavar="ID", help="a job that is queued")
    parser.add_argument("--task", metavar="TEXT", help="what it is to do; - reads stdin, @FILE a file")
    parser.add_argument("--priority", type=int, metavar="N", help="how urgent it is, from -100 to 100")
    for option, text in (
        ("--after", "jobs that must complete before it starts"),
        ("--after-any", "jobs that must end before it starts"),
        ("--after-fail", "jobs that must fail before it starts"),
    ):
        parser.add_argument(option, type=_jobs, metavar="ID,…", help=f"{text}; `{NONE}` for none")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    changes = {name: getattr(args, name) for name in ("priority", "after", "after_any", "after_fail")}
    if args.task is not None:
        given = args.task == "-" or args.task[:1] == "@" != args.task
        changes["task"] = decode_task(
            read_source(args.task, MAX_TASK_BYTES) if given else args.task.encode(), "the task"
        )
    if all(value is None for value in changes.values()):
        raise UsageError("nothing to change", "Name --task, --priority, --after, --after-any or --after-fail.")
    with Client() as client:
        changed = client.edit(args.job, **changes)
    if args.json:
        print_json(changed)
    else:
        print(f"{changed.job}  {changed.state.value}")
    return exit_codes.OK


def _jobs(text: str) -> list[str]:
    return [] if text == NONE else [job.strip() for job in text.split(",") if job.strip()]
