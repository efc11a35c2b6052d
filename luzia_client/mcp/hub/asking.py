"""Has the client ask its user what a job's agent asks, and answers the agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_types import ElicitResult, InputRequest, InputRequiredResult

from luzia_protocol import replies, requests
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job

from luzia_client.mcp.hub.call import Call
from luzia_client.mcp.hub.questions import make_form, open_questions, read_form
from luzia_client.mcp.hub.session import Session


def input_requests(jobs: list[Job]) -> dict[str, InputRequest]:
    """What the users have to answer, by a key that names the job and the question."""
    return {f"{job.id}/{each.id}": make_form(job, each) for job in jobs for each in open_questions(job)}


async def take_answers(session: Session, responses: Mapping[str, Any]) -> None:
    """Answer the agents. responses: what users have answered, by the keys of `input_requests`."""
    for key, response in responses.items():
        job_id, _, question_id = key.partition("/")
        job = await session.job(job_id)
        question = next((each for each in open_questions(job) if each.id == question_id), None)
        if question is None:
            continue  # it has been answered meanwhile
        words = read_form(question, response["action"], response.get("content"))
        if words:
            await _answer(session, job_id, question_id, words)


async def ask_now(call: Call, jobs: list[Job]) -> bool:
    """Ask the user by a request to a client of the older protocol; False if there is no answer."""
    answered = False
    for key, request in input_requests(jobs).items():
        assert isinstance(request.params.requested_schema, dict)  # type: ignore[union-attr]
        result: ElicitResult = await call.context.session.elicit_form(
            request.params.message,  # type: ignore[union-attr]
            request.params.requested_schema,  # type: ignore[union-attr]
            related_request_id=call.context.request_id,
        )
        await take_answers(call.session, {key: result.model_dump()})
        answered = answered or result.action != "cancel"
    return answered


def ask_later(jobs: list[Job]) -> InputRequiredResult:
    """The result by which a client of the newer protocol asks its user, and then makes the same call again."""
    return InputRequiredResult(input_requests=input_requests(jobs), request_state=" ".join(job.id for job in jobs))


async def _answer(session: Session, job: str, question: str, words: list[str]) -> None:
    try:
        request = requests.Answer(job=job, words=words, question=question)
        await session.daemon.request(request, replies.JobChange)
    except Refused as refused:
        if refused.code is not ErrorCode.JOB_NOT_WAITING:
            raise
