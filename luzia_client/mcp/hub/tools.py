"""What the tools do."""

from __future__ import annotations

import asyncio
import time

import msgspec
from mcp.server.context import HandlerResult

from luzia_protocol import replies, requests
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job
from luzia_protocol.output import Output

from luzia_client.api.client import Client
from luzia_client.mcp.hub import arguments, results
from luzia_client.mcp.hub.asking import ask_later, ask_now, take_answers
from luzia_client.mcp.hub.call import Call
from luzia_client.mcp.hub.questions import open_questions
from luzia_client.mcp.hub.session import Session
from luzia_client.mcp.hub.tasks import describe_task
from luzia_client.mcp.hub.waiting import wait_for
from luzia_client.review.verified_merge import merge_verified
from luzia_client.trees import diff as git_diff
from luzia_client.trees import worktree_of
from luzia_client.trees.merge import MergeResult


async def dispatch(call: Call, given: arguments.Dispatch) -> results.DispatchReport:
    """Dispatch a job."""
    accepted = await accept(call, given)
    words = f"Call `wait` with {accepted.job} to be told when it ends; until then, do something else."
    if not accepted.created:
        words = f"The job exists already. {words}"
    left = await _budget_left(call)
    return results.DispatchReport(accepted.job, accepted.project, accepted.created, words, left)


async def accept(call: Call, given: arguments.Dispatch) -> replies.DispatchResult:
    """Have the daemon accept a job. The same call, when it comes again, leads to the same job."""
    session = call.session
    request = requests.Dispatch(
        project=session.project(given.project),
        task=given.task,
        agent=given.agent,
        model=given.model,
        worktree=given.worktree,
        after=given.after,
        review=given.review,
        max_cost_usd=given.max_cost_usd,
        max_turns=given.max_turns,
        key=given.key or call.key,
        client_env=session.caller.env,
        umask=session.caller.umask,
        parent=session.parent,
    )
    return await session.daemon.request(request, replies.DispatchResult)


async def _budget_left(call: Call) -> float | None:
    """What is left of the budget of the job in which the caller runs."""
    parent = call.session.parent
    if parent is None:
        return None
    try:
        job = await call.session.job(parent)
    except Refused as refused:
        if refused.code is not ErrorCode.UNKNOWN_JOB:
            raise
        return None  # a job of another daemon
    return None if job.budget is None else job.budget.cost_left_usd


async def run(call: Call, given: arguments.Dispatch) -> results.WaitReport | HandlerResult:
    """Dispatch a job, and wait for it: as a task where the client knows tasks, else as long as a call may take."""
    if call.state:
        return await _wait(call, call.state, arguments.WAIT_S)
    accepted = await accept(call, given)
    if call.can_be_task:
        return {"resultType": "task", **describe_task(await call.session.job(accepted.job))}
    return await _wait(call, [accepted.job], arguments.WAIT_S)


async def wait(call: Call, given: arguments.Wait) -> results.WaitReport | HandlerResult:
    """Wait for jobs."""
    return await _wait(call, given.jobs, given.timeout_s)


async def _wait(call: Call, jobs: list[str], timeout_s: float) -> results.WaitReport | HandlerResult:
    """Wait for jobs; what their agents ask is put to the user, if the client can do that."""
    await take_answers(call.session, call.responses)
    deadline = time.monotonic() + timeout_s
    while True:
        found = await wait_for(call, jobs, max(deadline - time.monotonic(), 0))
        asking = [job for job in found if open_questions(job)]
        if not asking or not call.can_elicit or call.is_dismissed:
            return report_wait(found)
        if call.is_modern:
            return ask_later(asking)
        if not await ask_now(call, asking):
            return report_wait(found)


def report_wait(jobs: list[Job]) -> results.WaitReport:
    """What a wait has found."""
    open_jobs = [job for job in jobs if not job.state.is_final]
    if not open_jobs:
        words = "All have ended."
    elif any(job.question for job in open_jobs):
        words = "An agent asks a question: see `question`, and use `answer`, or ask the user. Then call `wait` again."
    else:
        ids = ", ".join(f'"{job.id}"' for job in open_jobs)
        words = f"Not ended yet. Call `wait` again with [{ids}], or do something else meanwhile; the jobs continue."
    return results.WaitReport(not open_jobs, [results.report_job(job) for job in jobs], words)


async def status(call: Call, given: arguments.OneJob) -> results.JobReport:
    """Tell all about a job."""
    return results.report_job(await call.session.job(given.job))


async def list_jobs(call: Call, given: arguments.List) -> results.ListReport:
    """List jobs."""
    request = requests.List(
        projects=[call.session.project(project) for project in given.projects],
        states=given.states,
        parent=given.parent,
        search=given.search,
        limit=given.limit,
        cursor=given.cursor,
    )
    page = await call.session.daemon.request(request, replies.JobPage)
    counts = {state.value: count for state, count in page.counts.items() if count}
    return results.ListReport([results.report_row(job) for job in page.jobs], counts, page.next)


async def search(call: Call, given: arguments.Search) -> results.SearchReport:
    """Find jobs by what is in their texts."""
    request = requests.Search(
        words=given.words,
        projects=[call.session.project(project) for project in given.projects],
        states=given.states,
        agents=given.agents,
        limit=given.limit,
        cursor=given.cursor,
    )
    page = await call.session.daemon.request(request, replies.SearchPage)
    notes = [
        f"{page.pending} jobs are not indexed yet." if page.pending else "",
        "" if page.complete else "The search has met its time limit; use rarer words.",
        page.problem or "",
    ]
    note = " ".join(filter(None, notes)) or None
    return results.SearchReport([results.report_hit(hit) for hit in page.hits], page.next, note)


async def logs(call: Call, given: arguments.Logs) -> results.LogReport:
    """Show the end of a job's output."""
    request = requests.Logs(
        job=given.job,
        attempt=given.attempt,
        stream="stderr" if given.stderr else "stdout",
        tail=given.lines,
        max_bytes=1024 * 1024,
        render="text",
    )
    piece = await call.session.daemon.request(request, Output)
    text = piece.data.encode()
    shown = text[-results.MAX_LOG_BYTES :].decode(errors="ignore")
    truncated = piece.offset > 0 or len(text) > results.MAX_LOG_BYTES
    uri = results.job_uri(piece.job, "log")
    return results.LogReport(piece.job, piece.attempt, shown, truncated, piece.ended, uri)


async def diff(call: Call, given: arguments.OneJob) -> results.DiffReport:
    """Show what a job changed in its worktree."""
    job = await call.session.job(given.job)
    tree = worktree_of(job)
    rows = await asyncio.to_thread(git_diff.changed_files, tree)
    limit = results.MAX_PATCH_BYTES
    patch = await asyncio.to_thread(git_diff.diff_text, tree, colour=False, max_bytes=limit)
    files = [results.ChangedFile(*row) for row in rows[: results.MAX_FILES]]
    truncated = len(patch) == limit or len(rows) > len(files)
    text = patch.decode(errors="replace")
    return results.DiffReport(job.id, tree.branch, files, text, truncated, results.job_uri(job.id, "diff"))


async def answer(call: Call, given: arguments.Answer) -> results.ChangeReport:
    """Answer a question of a job's agent."""
    request = requests.Answer(job=given.job, words=given.words, question=given.question)
    return await _change(call, request, "The agent has the answer, and continues. Call `wait`.")


async def send(call: Call, given: arguments.Send) -> results.ChangeReport:
    """Send a follow-up to a job's agent."""
    request = requests.Send(job=given.job, message=given.message)
    return await _change(call, request, "The agent gets it in its session, when its current attempt has ended.")


async def cancel(call: Call, given: arguments.OneJob) -> results.ChangeReport:
    """Cancel a job."""
    return await _change(call, requests.Cancel(job=given.job), "Its processes and its sub-jobs are being ended.")


async def _change(call: Call, request: requests.Request, words: str) -> results.ChangeReport:
    changed = await call.session.daemon.request(request, replies.JobChange)
    return results.ChangeReport(changed.job, changed.state, words)


async def merge(call: Call, given: arguments.Merge) -> results.MergeReport:
    """Merge a job's branch, where the configuration allows it."""
    job = await call.session.job(given.job)
    if job.project not in await merging_projects(call.session):
        hint = "A person can: `luzia merge`, or `mcp_merge = true` of the project."
        raise Refused(ErrorCode.NOT_ALLOWED, f"agents may not merge into project '{job.project}'", hint)
    tree = worktree_of(job)
    if not job.state.is_final:
        raise Refused(ErrorCode.JOB_NOT_FINAL, f"job {job.id} has not ended: it is {job.state}")

    def merged_in_thread() -> MergeResult:
        with Client(call.session.daemon.socket, autostart=False) as client:
            return merge_verified(client, job, tree, commit=given.commit, message=given.message)

    merged = await asyncio.to_thread(merged_in_thread)
    return msgspec.convert(msgspec.structs.asdict(merged), results.MergeReport)


async def merging_projects(session: Session) -> set[str]:
    """The projects into which agents may merge."""
    found = await session.daemon.request(requests.Projects(), replies.ProjectList)
    return {project.name for project in found.projects if project.mcp_merge}
