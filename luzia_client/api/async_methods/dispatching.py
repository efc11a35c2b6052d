"""Requests that bring work: jobs, graphs of jobs, and changes of what is queued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from luzia_protocol import replies, requests
from luzia_protocol.jobs import Job

from luzia_client.api.async_calling import AsyncCalling
from luzia_client.api.requests import Changes, DispatchOptions, dispatch_request, graph_request


class AsyncDispatching(AsyncCalling):
    """Requests that bring work: jobs, graphs of jobs, and changes of what is queued."""

    async def dispatch(
        self, project: str, task: str | None = None, **options: Unpack[DispatchOptions]
    ) -> replies.DispatchResult:
        """Have a job accepted; when this returns, it is on disk, and the answer has its `job` id.

        It never waits for an agent, and when the connection breaks it is asked again without dispatching twice.

        project: a configured name, or a path of a directory (`~` and relative ones are understood).
        task: what the agent is to do, at most 1 MiB of text; or `argv` among the options, an exact command.
        options: those of DispatchOptions; None is as if it were not given. Without `parent` the job is a sub-job of the
        one in which this program runs, if any; with an empty one it is not.

        Raises Refused: `unknown_project`, `unknown_agent`, `agent_not_installed`, `invalid_task`, `queue_full`,
        `storage_unavailable`, or what another option is refused with. Raises TypeError for an option that there is not.
        """
        request = dispatch_request(project, task, options)
        return await self._ask(request, replies.DispatchResult)

    async def graph(
        self, jobs: Sequence[Mapping[str, Any]], key: str | None = None, parent: str | None = None
    ) -> replies.GraphResult:
        """Have jobs accepted that come after one another, all or none; the answer has their ids by their names.

        jobs: each a mapping with `name`, `project`, `task` or `argv`, and whatever else DispatchOptions has; `after`,
        `after_any` and `after_fail` name jobs of this graph or ids of others.
        key: the same key returns the same jobs. parent: the job whose sub-jobs they are; None is the one in which this
        program runs, if any, and empty is none.

        Raises Refused: `graph_cycle`, which names the circle, or what one of the jobs is refused with. Raises
        msgspec.ValidationError for a job with a field of the wrong type.
        """
        return await self._ask(graph_request(jobs, key, parent), replies.GraphResult)

    async def edit(self, job: str, **changes: Unpack[Changes]) -> replies.JobChange:
        """Change a queued job; what is not named stays as it is.

        changes: those of Changes. An empty list takes away what the job comes after.

        Raises Refused: `unknown_job`, `job_not_queued`, `graph_cycle`.
        """
        return await self._ask(requests.Edit(job=job, **changes), replies.JobChange)

    async def import_jobs(self, jobs: Sequence[Job]) -> replies.ImportResult:
        """Take in jobs of another luzia, as its `status` gives them; what is there already stays as it is.

        jobs: at most 100 at once. One that has not ended becomes `lost`.
        The answer says of each job in turn whether it was taken in, and if not, why.
        """
        return await self._ask(requests.Import(jobs=list(jobs)), replies.ImportResult)
