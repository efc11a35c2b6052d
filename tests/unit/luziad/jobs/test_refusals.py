"""A request that a job's state does not allow is refused with a hint that helps in this state."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from luzia_protocol.errors import ErrorCode
from luzia_protocol.jobs import JobState

from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.jobs.refusals import EDIT, HOLD, PAUSE, PROGRESS, RELEASE, RESUME, UNTIL_ENDED, wrong_state

JOB = "113754-a2f5"
REQUESTS = {
    "pause": (ErrorCode.JOB_NOT_RUNNING, PAUSE),
    "resume": (ErrorCode.JOB_NOT_RUNNING, RESUME),
    "progress": (ErrorCode.JOB_NOT_RUNNING, PROGRESS),
    "hold": (ErrorCode.JOB_NOT_QUEUED, HOLD),
    "release": (ErrorCode.JOB_NOT_QUEUED, RELEASE),
    "edit": (ErrorCode.JOB_NOT_QUEUED, EDIT),
    "retry": (ErrorCode.JOB_NOT_FINAL, UNTIL_ENDED),
    "cancel": (ErrorCode.JOB_FINAL, {}),
}


def refusal(request: str, state: JobState) -> tuple[str, str]:
    spec = JobSpec(project="p", directory="/", agent="shell", created_at=0.0, uid=7)
    code, hints = REQUESTS[request]
    refused = wrong_state(JobRecord(1, JOB, spec, JobStatus(state=state)), code, hints)
    assert refused.code is code
    return refused.message, refused.hint


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("state", [state for state in JobState if state.is_final])
def test_a_finished_job_can_be_run_again(request_name: str, state: JobState) -> None:
    message, hint = refusal(request_name, state)
    assert message.startswith(f"job {JOB} has already ")
    assert hint == f"Run it again with `luzia retry {JOB}`."


@pytest.mark.parametrize(
    ("request_name", "state", "command"),
    [
        ("pause", JobState.QUEUED, "luzia hold"),
        ("pause", JobState.WAITING, "luzia answer"),
        ("pause", JobState.STOPPING, "luzia wait"),
        ("resume", JobState.QUEUED, "luzia release"),
        ("hold", JobState.RUNNING, "luzia pause"),
        ("hold", JobState.PAUSED, "luzia resume"),
        ("release", JobState.PAUSED, "luzia resume"),
        ("release", JobState.RUNNING, "not held"),
        ("edit", JobState.RUNNING, "dispatch another job"),
        ("retry", JobState.RUNNING, "luzia cancel"),
        ("progress", JobState.QUEUED, "LUZIA_JOB_ID"),
    ],
)
def test_a_job_in_another_state_has_another_way_out(request_name: str, state: JobState, command: str) -> None:
    message, hint = refusal(request_name, state)
    assert message == f"job {JOB} is {state}"
    assert command in hint


def test_only_progress_is_about_reporting_progress() -> None:
    hints: list[Mapping[JobState, str]] = [hints for name, (_, hints) in REQUESTS.items() if name != "progress"]
    assert not any("progress" in hint for each in hints for hint in each.values())
