"""Notify people of finished jobs, failures and questions.

The targets and rules are in config.toml: [notify.targets.NAME] and [[notify.rules]]. `run` delivers
notifications until it is stopped, and delivers the remaining ones when it is started again.
"""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from luzia_protocol import environment

from luzia_client.api.arguments import socket_text
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError, did_you_mean
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.output import print_columns, print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.notify import NotifyError

if TYPE_CHECKING:
    from luzia_client.notify.settings import Settings, Target

EXAMPLES = (
    ("luzia notify test phone", "send a message to the target named phone"),
    ("luzia notify run", "deliver notifications until interrupted; usually run as a service"),
    ("luzia notify log", "show the newest notifications and whether they were delivered"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    run_parser = actions.add_parser("run", help="deliver notifications until interrupted")
    test = actions.add_parser("test", help="send a message to a target now")
    test.add_argument("target", metavar="TARGET", help="name of the target")
    status = actions.add_parser("status", help="show the targets and their undelivered notifications")
    log = actions.add_parser("log", help="show the newest notifications")
    log.add_argument(
        "-n", dest="lines", metavar="N", type=int, default=20, help="number of notifications (default: 20)"
    )
    for each in (status, log):
        add_json(each)
    for each in (run_parser, status, log):
        each.add_argument(
            "--state",
            metavar="FILE",
            type=Path,
            help="file that holds the notifications (default: notify.db in the state directory)",
        )


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    try:
        return _ACTIONS[args.action](args)
    except NotifyError as exc:
        return print_error(exc.message, exc.hint, exit_codes.INPUT_OUTPUT)


def _run(args: argparse.Namespace) -> int:
    from luzia_client.notify import service

    settings = _settings()
    if not settings.targets:
        raise NotifyError(
            f"no targets in {environment.config_file()}",
            "Add a target, for example: [notify.targets.desk] with desktop = true.",
        )
    service.run(socket_text(None), settings, _outbox_file(args))
    return exit_codes.OK


def _test(args: argparse.Namespace) -> int:
    from luzia_client.notify.delivery import send_notices
    from luzia_client.notify.notices import Notice

    fields = {
        "job": "120000-test",
        "project": "overbits",
        "agent": "claude",
        "task": "a test of luzia's notifications",
        "outcome": "completed",
        "duration": "3m",
    }
    notice = Notice("finished", "test", datetime.now(UTC), fields)
    result = asyncio.run(send_notices(_target(args.target), [notice]))
    if result.error:
        return print_error(f"{args.target}: {result.error}", "", exit_codes.INPUT_OUTPUT)
    print(f"✓ sent to {args.target}")
    return exit_codes.OK


def _status(args: argparse.Namespace) -> int:
    from luzia_client.notify.outbox import Outbox

    outbox = Outbox(_outbox_file(args))
    counts = outbox.counts()
    names = sorted({*_settings().targets, *counts})
    rows = [
        {
            "target": name,
            "sent": counts.get(name, {}).get("sent", 0),
            "pending": counts.get(name, {}).get("pending", 0),
            "dead": counts.get(name, {}).get("dead", 0),
            "error": outbox.last_error(name),
        }
        for name in names
    ]
    if args.json:
        print_json(rows)
    elif rows:
        titles = ["TARGET", "SENT", "PENDING", "GIVEN UP", "LAST ERROR"]
        print_columns(titles, [[str(cell) for cell in row.values()] for row in rows], stdout_screen())
    else:
        print("No targets are configured.")
    return exit_codes.OK


def _log(args: argparse.Namespace) -> int:
    from luzia_client.notify import notices
    from luzia_client.notify.outbox import Outbox, local

    rows = Outbox(_outbox_file(args)).log(max(args.lines, 0))
    if args.json:
        print_json(
            [
                {
                    "at": local(row.created),
                    "target": row.target,
                    "status": row.status,
                    "tries": row.tries,
                    "error": row.error,
                    "title": notices.title(row.notice),
                    **row.notice.fields,
                }
                for row in rows
            ]
        )
    elif rows:
        print_columns(
            ["TIME", "TARGET", "STATUS", "NOTIFICATION", "ERROR"],
            [
                [f"{local(row.created):%Y-%m-%d %H:%M}", row.target, row.status, notices.title(row.notice), row.error]
                for row in rows
            ],
            stdout_screen(),
        )
    else:
        print("No notifications.")
    return exit_codes.OK


_ACTIONS = {"run": _run, "test": _test, "status": _status, "log": _log}


def _settings() -> Settings:
    from luzia_client.notify.settings import load

    return load()


def _target(name: str) -> Target:
    targets = _settings().targets
    if name not in targets:
        known = ", ".join(sorted(targets)) or "none"
        raise UsageError(f"unknown target '{name}'", f"{did_you_mean(name, targets)}Configured: {known}.")
    return targets[name]


def _outbox_file(args: argparse.Namespace) -> Path:
    return args.state or Path(environment.state_dir(), "notify.db")
