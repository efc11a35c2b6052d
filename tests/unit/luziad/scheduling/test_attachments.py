"""Who may take over a session: the user of the daemon, in a job of the same user, and one at a time."""

from __future__ import annotations

import os
from typing import Any, cast

import pytest

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from luziad.attempts.launch import Interactive
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec, JobStatus
from luziad.scheduling.attachments import AttachedUser, Attachments
from luziad.scheduling.takeovers import Takeover, Takeovers


class _Parts:
    """Stands in for the launcher, the processes and the planner of retries: an agent that has a session."""

    def session(self, record: JobRecord) -> str:
        return "ID-1"

    def interactive(self, record: JobRecord, session: str) -> Interactive:
        return Interactive(["bot", session], {}, "/project")

    def variables(self, ref: object) -> dict[str, str]:
        return {}


def _attachments(takeovers: Takeovers) -> Attachments:
    parts: dict[str, Any] = dict.fromkeys(
        (
            "launcher",
            "processes",
            "transitions",
            "journal",
            "gates",
            "stopper",
            "retries",
            "observers",
            "end_attempt",
            "files",
        ),
        _Parts(),
    )
    return Attachments(takeovers=takeovers, **parts)


def _job(uid: int, state: JobState = JobState.COMPLETED) -> JobRecord:
    spec = JobSpec(project="overbits", directory="/project", agent="bot", created_at=0.0, uid=uid)
    attempt = AttemptRecord(1, 0.0, ended_at=1.0 if state.is_final else None)
    return JobRecord(1, "113754-a2f5", spec, JobStatus(state, (attempt,)))


ME = AttachedUser(os.geteuid(), "me", os.getpid())
OTHER = ME._replace(uid=ME.uid + 1, name="other")


def test_the_user_of_the_daemon_may_take_over_a_session_of_an_own_job_or_of_a_schedule() -> None:
    for uid in (ME.uid, -1):
        assert _attachments(Takeovers()).check(_job(uid), ME, None).argv == ["bot", "ID-1"]


@pytest.mark.parametrize(("user", "owner"), [(OTHER, OTHER.uid), (OTHER, ME.uid), (ME, OTHER.uid)])
def test_nobody_takes_over_a_session_of_another_user(user: AttachedUser, owner: int) -> None:
    with pytest.raises(Refused) as caught:
        _attachments(Takeovers()).check(_job(owner), user, None)
    assert caught.value.code is ErrorCode.CANNOT_ATTACH
    assert f"whose sessions {user.name} cannot open" in caught.value.message


def test_what_follows_a_job_in_progress_must_be_said() -> None:
    attachments, running = _attachments(Takeovers()), _job(ME.uid, JobState.RUNNING)
    with pytest.raises(Refused) as caught:
        attachments.check(running, ME, None)
    assert (caught.value.code, "--pause" in caught.value.hint) == (ErrorCode.JOB_NOT_FINAL, True)
    assert attachments.check(running, ME, continues=True).directory == "/project"


def test_who_waits_for_a_job_is_the_only_one_and_is_refused_when_it_is_cancelled() -> None:
    takeovers, refused = Takeovers(), cast(list[Refused], [])
    attachments, running = _attachments(takeovers), _job(ME.uid, JobState.RUNNING)
    takeovers.add(running.id, Takeover(lambda: None, refused.append))
    with pytest.raises(Refused) as caught:
        attachments.check(running, ME, continues=True)
    assert caught.value.code is ErrorCode.JOB_ATTACHED
    attachments.give_up(running)
    assert [each.code for each in refused] == [ErrorCode.JOB_FINAL]
    attachments.check(running, ME, continues=True)
