"""Requests that bring work: jobs, graphs of jobs, and changes of what is queued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from luzia_protocol import replies, requests
from luzia_protocol.jobs import Job

from luzia_client.asking import Changes, DispatchOptions, dispatch_request, graph_request
from luzia_client.async_calling import AsyncCalling


class AsyncDispatching(AsyncCalling):
    """Requests that bring work: jobs, graphs of jobs, and changes of what is queued."""

    async def dispatch(
        self, project: str, task: str | None = None, **options: Unpack[DispatchOptions]
    ) -> replies.Dispatched:
        """Have a job accepted; when this returns it is on disk. The fields are those of requests.Dispatch."""
        request = dispatch_request(project, task, options)
        return await self._ask(request, replies.Dispatched)

    async def graph(self, jobs: Sequence[Mapping[str, Any]], key: str | None = None) -> replies.Graphed:
        """Have jobs accepted that come after one another, all or none.

        jobs: each with the fields of requests.Node: `name`, `project`, `task` or `argv`, `after`, and so on.
        """
        return await self._ask(graph_request(jobs, key), replies.Graphed)

    async def edit(self, job: str, **changes: Unpack[Changes]) -> replies.Changed:
        """Change a queued job; what is not named stays, and an empty list takes away what it comes after."""
        return await self._ask(requests.Edit(job=job, **changes), replies.Changed)

    async def import_jobs(self, jobs: Sequence[Job]) -> replies.Imported:
        """Take in jobs of another luzia, as its `status` shows them; what is there already stays as it is."""
        return await self._ask(requests.Import(jobs=list(jobs)), replies.Imported)
