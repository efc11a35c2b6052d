"""`answer`: what a person says to an agent that asks."""

from __future__ import annotations

import asyncio

from luzia_protocol import replies
from luzia_protocol.requests import Answer

from luziad.handlers.base import Call, Services, storage_refusal


async def answer(services: Services, request: Answer, call: Call) -> None:
    """Give the agent its answer."""
    record = services.table.find(request.job, call.uid)
    if services.journal.failure is not None:
        raise storage_refusal(services.journal.failure)
    call.out_of_order()
    work = services.scheduler.questions.answer(record, request.words, request.question)
    await asyncio.shield(asyncio.get_running_loop().create_task(work))  # an answer that was begun is given
    call.answer(replies.JobChange(record.id, record.status.state, record.attempt.number if record.attempt else 0))
    call.finish()
