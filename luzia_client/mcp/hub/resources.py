"""The resources: a job, all of its log, and all of its diff; and word of their changes."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    EmptyResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    SubscribeRequestParams,
    TextResourceContents,
    UnsubscribeRequestParams,
)

from luzia_protocol import replies, requests
from luzia_protocol.errors import LuziaError
from luzia_protocol.output import Output

from luzia_client.mcp.hub import results
from luzia_client.mcp.hub.session import Session
from luzia_client.mcp.hub.waiting import Watch, log_end, watch
from luzia_client.trees import worktree_of
from luzia_client.trees.diff import diff_text

MAX_BYTES = 1024 * 1024
MAX_LISTED = 20
MAX_SUBSCRIPTIONS = 100
"""The most resources of which one client gets word."""
TEMPLATES = (
    ("luzia://jobs/{id}", "job", "application/json", "A job: its state, progress, questions and result."),
    ("luzia://jobs/{id}/log", "log", "text/plain", "What a job's agent did and said, up to the last 1 MiB."),
    ("luzia://jobs/{id}/diff", "diff", "text/x-diff", "What a job changed in its worktree, up to 1 MiB."),
)
_URI = re.compile(r"luzia://jobs/([^/?#]+)(?:/(log|diff))?")

Context = ServerRequestContext[Any, Any]


class Resources:
    """The resources that one agent sees. What it subscribed to is told until `close`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._watchers: dict[str, asyncio.Task[None]] = {}

    def close(self) -> None:
        """End every subscription."""
        for watcher in self._watchers.values():
            watcher.cancel()

    async def list_resources(self, _: Context, __: PaginatedRequestParams | None) -> ListResourcesResult:
        """The newest jobs; `list` finds all others."""
        page = await self._session.daemon.request(requests.List(limit=MAX_LISTED), replies.JobPage)
        listed = [
            Resource(
                uri=results.job_uri(job.id),
                name=job.id,
                description=f"{job.project}, {job.state.value}: {job.task[: results.MAX_TASK_CHARS]}",
                mime_type="application/json",
            )
            for job in page.jobs
        ]
        return ListResourcesResult(resources=listed)

    async def list_templates(self, _: Context, __: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        """What can be read of every job."""
        templates = [
            ResourceTemplate(uri_template=uri, name=name, mime_type=kind, description=words)
            for uri, name, kind, words in TEMPLATES
        ]
        return ListResourceTemplatesResult(resource_templates=templates)

    async def read(self, _: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        """The content of a resource."""
        job, part = _parse(params.uri)
        try:
            if part == "log":
                kind, text = "text/plain", await self._log(job)
            elif part == "diff":
                tree = worktree_of(await self._session.job(job))
                patch = await asyncio.to_thread(diff_text, tree, colour=False, max_bytes=MAX_BYTES)
                kind, text = "text/x-diff", patch.decode(errors="replace")
            else:
                report = results.report_job(await self._session.job(job))
                kind, text = "application/json", msgspec.json.encode(report).decode()
        except LuziaError as exc:
            raise MCPError(INVALID_PARAMS, f"{exc.code}: {exc.message}") from exc
        return ReadResourceResult(contents=[TextResourceContents(uri=params.uri, mime_type=kind, text=text)])

    async def _log(self, job: str) -> str:
        size = (await self._session.daemon.request(requests.Logs(job=job, max_bytes=1), Output)).size
        request = requests.Logs(job=job, offset=max(size - MAX_BYTES, 0), max_bytes=MAX_BYTES, render="text")
        return (await self._session.daemon.request(request, Output)).data

    # ------------------------------------------------------------------ word of changes

    async def subscribe(self, context: Context, params: SubscribeRequestParams) -> EmptyResult:
        """Tell a client of the older protocol of each change of a resource."""
        if len(self._watchers) >= MAX_SUBSCRIPTIONS:
            raise MCPError(INVALID_PARAMS, f"too many subscriptions; the limit is {MAX_SUBSCRIPTIONS}")
        job = await known_job(self._session, params.uri)
        if params.uri not in self._watchers:

            async def tell(_: str) -> None:
                await context.session.send_resource_updated(params.uri)

            self._watchers[params.uri] = asyncio.create_task(_watch(self._session, job, tell))
        return EmptyResult()

    async def unsubscribe(self, _: Context, params: UnsubscribeRequestParams) -> EmptyResult:
        """Tell nothing more of a resource."""
        if (watcher := self._watchers.pop(params.uri, None)) is not None:
            watcher.cancel()
        return EmptyResult()


async def known_job(session: Session, uri: str) -> str:
    """The id of the job of a resource. Raises MCPError for none."""
    job, _ = _parse(uri)
    try:
        return (await session.job(job)).id
    except LuziaError as exc:
        raise MCPError(INVALID_PARAMS, f"{exc.code}: {exc.message}") from exc


async def _watch(session: Session, job: str, tell: Watch) -> None:
    """Watch until this is cancelled, or until the daemon is gone for good."""
    try:
        await watch(session, [job], tell)
    except LuziaError as exc:
        log_end(exc)


def _parse(uri: str) -> tuple[str, str]:
    found = _URI.fullmatch(uri)
    if found is None:
        raise MCPError(INVALID_PARAMS, f"unknown resource '{uri}'; they are {', '.join(row[0] for row in TEMPLATES)}")
    return found[1], found[2] or ""
