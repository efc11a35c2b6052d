"""Send a follow-up message to a job's agent: the job gets another attempt, which resumes the session with it.

While an attempt is running, the message is queued until that attempt ends. Several messages are delivered in order.
Comments follow the message, each with the line that it refers to.
"""

from __future__ import annotations

import argparse

from luzia_protocol.requests import Send

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.show.output import change_each, print_change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_client.review.comments import Comment

EXAMPLES = (
    ('luzia send a2f5 "and add a test"', "send a message to the agent"),
    ('luzia send a2f5 --comment "src/login.py:12=use the constant"', "comment on a line of its work"),
    ("luzia send a2f5 --conflict", "ask the agent to resolve the conflicts between its work and your branch"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", metavar="ID", help=ID_HELP)
    parser.add_argument(
        "words", nargs="*", metavar="MESSAGE", help="the message; put `--` before a message that begins with a dash"
    )
    parser.add_argument(
        "--comment",
        action="append",
        default=[],
        metavar="PATH:LINE=TEXT",
        help="a comment on a line of a file in the job's worktree (repeatable)",
    )
    parser.add_argument(
        "--conflict",
        action="store_true",
        help="ask the agent to resolve the conflicts between its work and the branch that it is merged into",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    message = " ".join(args.words)
    if not (message or args.comment or args.conflict):
        raise UsageError("no message given", "Pass a message, --comment, or --conflict.")
    if args.comment and args.conflict:
        raise UsageError("--conflict cannot be combined with --comment")
    with Client() as client:
        if not (args.comment or args.conflict):
            return change_each(client, [Send(job=args.job, message=message)], args.json, "sent")
        from luzia_client.review.decisions import send_back, send_conflict

        job = client.get_job(args.job)
        if args.conflict:
            changed = send_conflict(client, job, message)
        else:
            changed = send_back(client, job, message, [_parse_comment(text) for text in args.comment])
        print_change(changed, args.json, "sent")
    return exit_codes.OK


def _parse_comment(given: str) -> Comment:
    """A comment from `PATH:LINE=TEXT`. Raises UsageError."""
    from luzia_client.review.comments import Comment

    place, _, text = given.partition("=")
    path, _, line = place.rpartition(":")
    while not (path and line.isascii() and line.isdigit()) and "=" in text:  # the path has an equals sign
        more, _, text = text.partition("=")
        place = f"{place}={more}"
        path, _, line = place.rpartition(":")
    if not (path and line.isascii() and line.isdigit() and text.strip()):
        raise UsageError(f"invalid comment '{given}'", "Write PATH:LINE=TEXT, such as `src/login.py:12=why?`.")
    return Comment(path, int(line), text)
