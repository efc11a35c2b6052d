"""Diagnose the installation, and show a remedy for each problem. The exit status is 1 if there are problems."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from luzia_protocol import environment
from luzia_protocol.errors import Refused
from luzia_protocol.replies import DaemonInfo

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.administration import doctor_checks, service_checks
from luzia_client.cli.administration.doctor_checks import Finding
from luzia_client.cli.administration.unreachable import get_info
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import harmless
from luzia_client.transport.endpoint import DaemonUnreachableError, NoDaemonError, UnexpectedAnswerError
from luzia_client.transport.service import service_of

EXAMPLES = (("luzia doctor", "check the installation"),)

COLOURS = {"✓": "green", "!": "yellow", "✗": "red"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    screen = stdout_screen()
    failed = False
    for finding in run_checks():
        failed = failed or finding.mark == "✗"
        if args.json:
            print_json({"mark": finding.mark, "text": finding.text, "remedy": finding.remedy})
            continue
        print(f"{screen.paint(finding.mark, COLOURS[finding.mark])} {harmless(finding.text)}", flush=True)
        if finding.remedy and finding.mark != "✓":
            print(f"  → {harmless(finding.remedy)}")
    return exit_codes.JOB_FAILED if failed else exit_codes.OK


def run_checks() -> Iterator[Finding]:
    """Run all checks in order. A daemon that is not running is not started."""
    yield from doctor_checks.check_python()
    yield from doctor_checks.check_compiled(doctor_checks.loaded_modules())
    yield from doctor_checks.check_kernel()
    yield from doctor_checks.check_runtime_dir()
    info = None
    with Client(autostart=False) as client:
        try:
            info = get_info(client)
        except (DaemonUnreachableError, UnexpectedAnswerError, Refused) as exc:
            service = service_of(environment.socket_path())
            if isinstance(exc, NoDaemonError) and service is not None:
                yield Finding("✗", f"{exc.message}: its service is stopped or has failed", service.start_hint())
            else:
                yield Finding("!" if isinstance(exc, NoDaemonError) else "✗", exc.message, exc.hint)
        if info is not None:
            yield from doctor_checks.check_daemon(info)
            yield from doctor_checks.check_places(info)
            yield from service_checks.check_logout(info)
            yield from service_checks.check_limits(info)
        yield from service_checks.check_enabled()
        yield from doctor_checks.check_log(info)
        yield from doctor_checks.check_state_dir(info)
        yield from doctor_checks.check_config(info)
        yield from doctor_checks.check_aliases()
        if info is not None:
            yield from doctor_checks.check_projects(client)
            yield from doctor_checks.check_agents(client)
    yield from check_notify(info)
    yield from check_notices()


def check_notify(info: DaemonInfo | None) -> Iterator[Finding]:
    """The tables of `luzia notify`, which luziad does not read, and the names in them, if it is running."""
    from luzia_client.notify.names import check_settings

    file = info.config_file if info else environment.config_file()
    if os.access(file, os.R_OK):
        for mistake in check_settings(file, is_running=info is not None):
            yield Finding("!", mistake.message, mistake.hint)


def check_notices() -> Iterator[Finding]:
    """Notices that could not be delivered, if `luzia notify` is used."""
    path = Path(environment.state_dir(), "notify.db")
    if not path.exists():
        return
    from luzia_client.notify import NotifyError
    from luzia_client.notify.outbox import Outbox

    try:
        outbox = Outbox(path)
        counts = outbox.counts()
    except NotifyError as exc:
        yield Finding("✗", exc.message, exc.hint)
        return
    for target, by_status in sorted(counts.items()):
        if dead := by_status.get("dead", 0):
            were = "1 notification was" if dead == 1 else f"{dead} notifications were"
            yield Finding(
                "!",
                f"{were} not delivered to {target}: {outbox.last_error(target)}",
                f"Run: luzia notify test {target}",
            )
