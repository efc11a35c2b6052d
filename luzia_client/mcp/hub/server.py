"""The server of one connection: which handler answers what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolRequestParams, ListToolsResult, PaginatedRequestParams

from luzia_protocol.errors import LuziaError
from luzia_protocol.version import VERSION

from luzia_client.mcp.hub.call import TASKS, Call
from luzia_client.mcp.hub.catalogue import IN_A_JOB, INSTRUCTIONS, MERGE, TOOLS
from luzia_client.mcp.hub.change_stream import ChangeStream
from luzia_client.mcp.hub.replying import failure, failure_of, success
from luzia_client.mcp.hub.resources import Resources
from luzia_client.mcp.hub.session import Session
from luzia_client.mcp.hub.tasks import TaskParams, Tasks, UpdateParams
from luzia_client.mcp.hub.tools import merging_projects

Context = ServerRequestContext[Any, Any]


class AgentServer:
    """Serves one agent. `server` is the SDK's; `close` ends its subscriptions.

    has_connection: the agent has one connection of its own, on which it can be told of changes.
    """

    def __init__(self, session: Session, *, has_connection: bool = True) -> None:
        self._session = session
        self._resources = Resources(session)
        job = session.caller.job
        self.server: Server[Any] = Server(
            "luzia",
            version=VERSION,
            title="luzia",
            instructions=INSTRUCTIONS + (IN_A_JOB.format(job=job) if job else ""),
            on_list_tools=self._list_tools,
            on_list_resources=self._resources.list_resources,
            on_list_resource_templates=self._resources.list_templates,
            on_read_resource=self._resources.read,
            on_subscriptions_listen=ChangeStream(session).listen,
            on_subscribe_resource=self._resources.subscribe if has_connection else None,
            on_unsubscribe_resource=self._resources.unsubscribe if has_connection else None,
        )
        self.server.add_request_handler("tools/call", CallToolRequestParams, self._call_tool)
        tasks = Tasks(session)
        self.server.extensions[TASKS] = {}
        self.server.add_request_handler("tasks/get", TaskParams, tasks.get)
        self.server.add_request_handler("tasks/update", UpdateParams, tasks.update)
        self.server.add_request_handler("tasks/cancel", TaskParams, tasks.cancel)

    def close(self) -> None:
        """End all subscriptions."""
        self._resources.close()

    async def _list_tools(self, _: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        """The tools that this agent may use."""
        may_merge = bool(await merging_projects(self._session))
        return ListToolsResult(tools=[each.for_client() for each in TOOLS.values() if each is not MERGE or may_merge])

    async def _call_tool(self, context: Context, params: CallToolRequestParams) -> HandlerResult:
        """Call a tool. What is wrong with the call, or refused, is a result that the model can read."""
        entry = TOOLS.get(params.name)
        if entry is None:
            raise MCPError(INVALID_PARAMS, f"unknown tool '{params.name}'; the tools are {', '.join(TOOLS)}")
        try:
            given = msgspec.convert(params.arguments or {}, entry.given)
        except msgspec.ValidationError as exc:
            return failure(f"bad_request: the arguments of {entry.name} are invalid: {exc}")
        call: Callable[[Call, Any], Awaitable[msgspec.Struct | HandlerResult]] = entry.call
        try:
            result = await call(Call(self._session, context, params), given)
        except LuziaError as exc:
            return failure_of(exc)
        return success(result) if isinstance(result, msgspec.Struct) else result
