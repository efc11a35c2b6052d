"""Word of changes for clients of the newer protocol: a request that lasts as long as the client listens.

Notifications of resources say that a job has changed. Those of tasks, which the extension adds, say how it is now.
"""

from __future__ import annotations

from typing import Any, Literal

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import SUBSCRIPTION_ID_META_KEY
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    Notification,
    ResourceUpdatedNotification,
    ResourceUpdatedNotificationParams,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
)

from luzia_protocol.errors import LuziaError

from luzia_client.mcp.hub.call import takes_tasks
from luzia_client.mcp.hub.resources import MAX_SUBSCRIPTIONS, known_job
from luzia_client.mcp.hub.results import job_uri
from luzia_client.mcp.hub.session import Session
from luzia_client.mcp.hub.tasks import describe_whole_task
from luzia_client.mcp.hub.waiting import log_end, watch

Context = ServerRequestContext[Any, Any]


TaskNotification = Notification[dict[str, Any], Literal["notifications/tasks"]]


class ChangeStream:
    """Answers subscriptions/listen, for one agent."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def listen(self, context: Context, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        """Tell the client of changes, until it ends the request."""
        uris = params.notifications.resource_subscriptions or []
        tasks = _task_ids(params.notifications) if takes_tasks(context) else []
        if len(uris) + len(tasks) > MAX_SUBSCRIPTIONS:
            raise MCPError(INVALID_PARAMS, f"too many subscriptions; the limit is {MAX_SUBSCRIPTIONS}")
        after = await self._session.newest_event()
        wanted: dict[str, list[str]] = {}
        for uri in uris:
            wanted.setdefault(await known_job(self._session, uri), []).append(uri)
        names = [await known_job(self._session, job_uri(task)) for task in tasks]
        meta = {SUBSCRIPTION_ID_META_KEY: context.request_id}
        told: dict[str, dict[str, Any]] = {}

        async def tell(job: str) -> None:
            for uri in wanted.get(job, ()):
                updated = ResourceUpdatedNotificationParams(uri=uri, _meta=meta)
                await send(context, ResourceUpdatedNotification(params=updated))
            if job in names:
                await tell_task(job)

        async def tell_task(job: str) -> None:
            task = describe_whole_task(await self._session.job(job))
            if task != told.get(job):
                told[job] = task
                await send(context, TaskNotification(method="notifications/tasks", params={**task, "_meta": meta}))

        honoured = SubscriptionFilter.model_validate(
            {"resourceSubscriptions": uris or None, **({"taskIds": tasks} if tasks else {})}
        )
        acknowledged = SubscriptionsAcknowledgedNotificationParams(notifications=honoured, _meta=meta)
        await send(context, SubscriptionsAcknowledgedNotification(params=acknowledged))
        try:
            for job in names:
                await tell_task(job)  # it may have changed since the client got it
            if jobs := list({*wanted, *names}):
                await watch(self._session, jobs, tell, after)
            else:
                await anyio.sleep_forever()  # nothing of what it wants ever changes
        except LuziaError as exc:
            log_end(exc)
        return SubscriptionsListenResult(_meta=meta)


async def send(context: Context, notification: Any) -> None:
    """Send a notification on the stream of a request."""
    await context.session.send_notification(notification, related_request_id=context.request_id)


def _task_ids(wanted: SubscriptionFilter) -> list[str]:
    """The tasks of which a client wants word: a key of the extension in the filter. Raises MCPError."""
    tasks = (wanted.model_extra or {}).get("taskIds") or []
    if not isinstance(tasks, list) or not all(isinstance(task, str) for task in tasks):
        raise MCPError(INVALID_PARAMS, "taskIds must be a list of ids of tasks")
    return tasks
