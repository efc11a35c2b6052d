"""`luzia jobs ID…`: the details of jobs, requested and printed."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

from luzia_client.cli import exit_codes
from luzia_client.cli.show import wire_jobs
from luzia_client.cli.show.details import describe_job
from luzia_client.cli.show.light_json import format_object
from luzia_client.cli.show.screen import Screen, stdout_screen
from luzia_client.cli.show.text import harmless_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from luzia_protocol.errors import Refused


def show_jobs(ids: Sequence[str], as_json: bool, exchange: wire_jobs.Exchange) -> int:
    """Print the details of each job; returns the exit status. The refusal of a single job is raised."""
    screen = stdout_screen()
    if len(ids) == 1:
        _show_job(ids[0], as_json, screen, exchange)
    else:
        return _show_each(ids, as_json, screen, exchange)
    return exit_codes.OK


def _show_job(job_id: str, as_json: bool, screen: Screen, exchange: wire_jobs.Exchange, first: bool = True) -> None:
    job, raw = wire_jobs.fetch_job(job_id, exchange)
    if as_json:
        print(harmless_json(format_object(raw)), flush=True)
        return
    if not first:
        print()
    if host := os.environ.get("LUZIA_HOST"):
        job = wire_jobs.WireObject(_name_host(host, raw))  # type: ignore[assignment]  # read like the struct
    print("\n".join(describe_job(job, datetime.now(UTC), screen)))


def _name_host(host: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """A job of another host with ids that apply here, so that the commands that are shown for it do as well."""
    from luzia_client.hosts.job_ids import id_here  # only for another host

    found = {**raw, "id": id_here(host, raw["id"])}
    if raw.get("parent") is not None:
        found["parent"] = id_here(host, raw["parent"])
    for name in ("after", "after_any", "after_fail"):
        if raw.get(name):
            found[name] = [id_here(host, each) for each in raw[name]]
    return found


def _show_each(ids: Sequence[str], as_json: bool, screen: Screen, exchange: wire_jobs.Exchange) -> int:
    from luzia_protocol.errors import Refused

    from luzia_client.cli.show.errors import print_refusal

    refusals: list[Refused] = []
    for number, job_id in enumerate(ids):
        try:
            _show_job(job_id, as_json, screen, exchange, first=number == 0)
        except Refused as refused:
            refusals.append(refused)
    sys.stdout.flush()
    status, hints = exit_codes.OK, set[str]()
    for each in refusals:
        status = print_refusal(each, printed=hints)
    return status
