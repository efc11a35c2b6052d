"""`attach` and `detach`: the use of a job's session in the terminal of a user."""

from __future__ import annotations

import asyncio
import os
import shutil

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.replies import AttachResult
from luzia_protocol.requests import Attach, Detach

from luziad.handlers.replies import Call, job_change_reply, require_writable
from luziad.handlers.services import Services
from luziad.operations.programs import search_path
from luziad.scheduling.attachments import AgentInTerminal, AttachedUser

_CONTINUES = {"continue": True, "end": False, None: None}


async def attach(services: Services, request: Attach, call: Call) -> None:
    """Let the caller take over the session of a job, and say what it has to run when that is on disk."""
    record = services.table.find(request.job, call.uid)
    services.shutdown.require_running()
    if call.pid != request.pid:
        message = "the caller is not on the same machine, or not in the same container, as the daemon"
        raise Refused(ErrorCode.CANNOT_ATTACH, message, "Run `luzia attach` where the daemon runs.")
    if record.executor is not None:
        message = f"job {record.id} runs on the cluster {record.executor}, where its session is"
        raise Refused(ErrorCode.CANNOT_ATTACH, message, f"Use `luzia send {record.id} TEXT`.")
    require_writable(services.journal)
    call.out_of_order()
    attachments, user = services.scheduler.attachments, AttachedUser(call.uid, call.user, call.pid)
    continues = _CONTINUES[request.then]
    agent = attachments.check(record, user, continues)
    path = search_path(agent.env)
    missing = await asyncio.get_running_loop().run_in_executor(services.files, _missing, agent, path)
    if missing is not None:
        raise Refused(ErrorCode.CANNOT_ATTACH, f"job {record.id} cannot be attached: {missing}")
    await services.scheduler.worktrees.settle(record.id)
    record = services.table.find(record.id, call.uid)

    def ready(agent: AgentInTerminal) -> None:
        call.answer(AttachResult(record.id, *agent))
        call.finish()

    def refuse(refused: Refused) -> None:
        call.refuse(refused)
        call.finish()

    call.on_close(attachments.attach(record, user, continues, ready, refuse))


def _missing(agent: AgentInTerminal, path: str) -> str | None:
    """What does not exist of what the agent needs."""
    if not os.path.isdir(agent.directory):
        return f"its directory does not exist: {agent.directory}"
    program = agent.argv[0] if "/" not in agent.argv[0] else os.path.join(agent.directory, agent.argv[0])
    return None if shutil.which(program, path=path) else f"{agent.argv[0]} was not found, or is not executable"


def detach(services: Services, request: Detach, call: Call) -> None:
    """Record the end of the use of a session, or ask the process that uses it to end."""
    record = services.table.find(request.job, call.uid)
    services.scheduler.attachments.report(
        record,
        call.pid,
        job_change_reply(services.journal, record, call),
        continues=_CONTINUES[request.then],
        exit_code=request.exit_code,
        signal=request.signal,
        completed=request.completed,
    )
