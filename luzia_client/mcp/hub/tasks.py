"""Durable calls: the extension of the specification for tasks. A task is a job, and its id is the job's.

luziad has it on disk, so that it outlives the client, the hub and the daemon.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, RequestParams
from pydantic import Field

from luzia_protocol import replies, requests
from luzia_protocol.errors import ErrorCode, LuziaError, Refused
from luzia_protocol.jobs import Job, JobState

from luzia_client.mcp.hub.asking import input_requests, take_answers
from luzia_client.mcp.hub.replying import success
from luzia_client.mcp.hub.results import WaitReport, describe_progress, report_job
from luzia_client.mcp.hub.session import Session

POLL_MS = 2000
"""How often a client may ask; an answer comes from the daemon's memory."""

Context = ServerRequestContext[Any, Any]


class TaskParams(RequestParams):
    """Parameters of tasks/get and tasks/cancel."""

    task_id: str = Field(alias="taskId")


class UpdateParams(TaskParams):
    """Parameters of tasks/update."""

    input_responses: dict[str, dict[str, Any]] = Field(alias="inputResponses")


class Tasks:
    """The methods of the extension, for one agent."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, _: Context, params: TaskParams) -> dict[str, Any]:
        """A task as it is now, with its questions or its result."""
        return describe_whole_task(await self._job(params.task_id))

    async def update(self, _: Context, params: UpdateParams) -> dict[str, Any]:
        """Pass on what the user has answered."""
        await self._job(params.task_id)
        try:
            await take_answers(self._session, params.input_responses)
        except (LuziaError, KeyError) as exc:
            raise MCPError(INVALID_PARAMS, f"the answer is refused: {exc}") from exc
        return {}

    async def cancel(self, _: Context, params: TaskParams) -> dict[str, Any]:
        """Cancel the job."""
        job = await self._job(params.task_id)
        try:
            await self._session.daemon.request(requests.Cancel(job=job.id), replies.JobChange)
        except Refused as refused:
            if refused.code is not ErrorCode.JOB_FINAL:
                raise MCPError(INVALID_PARAMS, str(refused)) from refused
        return {}

    async def _job(self, task: str) -> Job:
        try:
            return await self._session.job(task)
        except LuziaError as exc:
            raise MCPError(INVALID_PARAMS, f"{exc.code}: {exc.message}") from exc


def describe_task(job: Job) -> dict[str, Any]:
    """A job as a task, without questions and result."""
    activity = job.activity
    last_sign = activity.last_sign_at if activity is not None else None
    return {
        "taskId": job.id,
        "status": _status(job),
        "statusMessage": describe_progress(job) or job.reason or job.state.value,
        "createdAt": _time(job.created_at),
        "lastUpdatedAt": _time(job.ended_at or last_sign or job.started_at or job.created_at),
        "ttlMs": None,
        "pollIntervalMs": POLL_MS,
    }


def describe_whole_task(job: Job) -> dict[str, Any]:
    """A job as a task, with its questions or its result."""
    task = describe_task(job)
    if task["status"] == "input_required":
        forms = input_requests([job]).items()
        task["inputRequests"] = {
            key: form.model_dump(by_alias=True, mode="json", exclude_none=True) for key, form in forms
        }
    elif task["status"] == "completed":
        task["result"] = task_result(job)
    return task


def task_result(job: Job) -> dict[str, Any]:
    """What `run` would have returned."""
    result = success(WaitReport(True, [report_job(job)], "It has ended."))
    result.is_error = job.state is not JobState.COMPLETED
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)


def _status(job: Job) -> str:
    match job.state:
        case JobState.WAITING:
            return "input_required"
        case JobState.CANCELLED:
            return "cancelled"
        case state:
            return "completed" if state.is_final else "working"


def _time(time: datetime) -> str:
    return time.isoformat()
