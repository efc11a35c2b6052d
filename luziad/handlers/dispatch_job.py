"""`dispatch`: accept a job."""

from __future__ import annotations

from luzia_protocol import replies
from luzia_protocol.jobs import job_name
from luzia_protocol.requests import Dispatch

from luziad.handlers.dispatch.dependencies import validate_dependencies
from luziad.handlers.replies import AcceptanceReply, Call
from luziad.handlers.services import Services


def dispatch(services: Services, request: Dispatch, call: Call) -> None:
    """Validate the request, record the job, and answer when it is on disk."""
    table = services.table
    if request.key is not None and (known := table.by_key((call.uid, request.key))) is not None:
        existing = replies.DispatchResult(known.id, job_name(known.project, known.id), known.project, created=False)
        services.journal.after_commit(AcceptanceReply(call, existing))
        return
    services.job_factory.require_room(1)
    after = validate_dependencies(request, lambda job: table.find(job, call.uid).id)
    record = services.job_factory.create(request, call.uid, after)
    accepted = replies.DispatchResult(record.id, job_name(record.project, record.id), record.project)
    services.scheduler.admission.accept(record, AcceptanceReply(call, accepted))
