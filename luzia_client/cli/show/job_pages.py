"""`luzia jobs ID…`: the details of jobs, requested and printed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from luzia_protocol.errors import Refused

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.show.details import describe_job
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.screen import stdout_screen


def show_jobs(ids: Sequence[str], as_json: bool) -> int:
    """Print the details of each job; raises the first refusal after all have been requested."""
    refusals: list[Refused] = []
    screen = stdout_screen()
    with Client() as client:
        for number, job_id in enumerate(ids):
            try:
                job = client.get_job(job_id)
            except Refused as refused:
                refusals.append(refused)
                continue
            if as_json:
                print_json(job)
                continue
            if number:
                print()
            print("\n".join(describe_job(job, datetime.now(UTC), screen)))
    sys.stdout.flush()
    for other in refusals[1:]:
        print_error(other.message, other.hint, exit_codes.REFUSED)
    if refusals:
        raise refusals[0]
    return exit_codes.OK
