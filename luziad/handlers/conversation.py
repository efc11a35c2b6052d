"""Requests that talk to a job's agent: answers to its questions, and follow-up messages."""

from __future__ import annotations

import asyncio

from luzia_protocol.requests import Answer, Send

from luziad.handlers.dispatch.inputs import validate_message
from luziad.handlers.replies import Call, job_change, job_change_reply, require_writable
from luziad.handlers.services import Services


async def answer(services: Services, request: Answer, call: Call) -> None:
    """Answer a question of the agent."""
    record = services.table.find(request.job, call.uid)
    require_writable(services.journal)
    call.out_of_order()
    work = services.scheduler.questions.answer(record, request.words, request.question)
    await asyncio.shield(asyncio.get_running_loop().create_task(work))  # an answer is never delivered by half
    call.answer(job_change(record))
    call.finish()


def send(services: Services, request: Send, call: Call) -> None:
    """Send a follow-up message, which resumes the agent's session in the next attempt."""
    services.shutdown.require_running()
    record = services.table.find(request.job, call.uid)
    validate_message(request.message)
    require_writable(services.journal)
    services.scheduler.send(record, request.message, job_change_reply(services.journal, record, call))
