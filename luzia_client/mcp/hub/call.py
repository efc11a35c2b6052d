"""One call of a tool: whose it is, what its client can do, and what it is told meanwhile."""

from __future__ import annotations

from typing import Any

from mcp.server.context import ServerRequestContext
from mcp_types import CallToolRequestParams

from luzia_client.mcp.hub.session import Session

TASKS = "io.modelcontextprotocol/tasks"
"""The extension of the specification of 2026-07-28 for calls that outlast their connection."""


class Call:
    """session: of the agent that calls. context, params: as the SDK has them."""

    def __init__(
        self, session: Session, context: ServerRequestContext[Any, Any], params: CallToolRequestParams
    ) -> None:
        self.session = session
        self._context = context
        self._params = params
        self._last = -1.0

    @property
    def key(self) -> str:
        """The key of a dispatch by this call."""
        return self.session.key(self._context.request_id)

    @property
    def responses(self) -> dict[str, dict[str, Any]]:
        """What the user has answered, if this call is made again for that."""
        given = self._params.input_responses or {}
        return {key: response.model_dump() for key, response in given.items()}

    @property
    def is_dismissed(self) -> bool:
        """Whether the user has left a question unanswered."""
        return any(response["action"] == "cancel" for response in self.responses.values())

    @property
    def state(self) -> list[str]:
        """The jobs about which the user was asked, if this call is made again for that."""
        return (self._params.request_state or "").split()

    @property
    def is_modern(self) -> bool:
        """Whether the client is asked by a result instead of a request."""
        return not self._context.session.can_send_request

    @property
    def can_be_task(self) -> bool:
        """Whether the client takes a task for a result."""
        return takes_tasks(self._context)

    @property
    def can_elicit(self) -> bool:
        """Whether the client asks its user for us."""
        capabilities = self._context.session.client_capabilities
        return capabilities is not None and capabilities.elicitation is not None

    @property
    def context(self) -> ServerRequestContext[Any, Any]:
        """That of the SDK."""
        return self._context

    async def tell_progress(self, value: float, total: float | None, words: str) -> None:
        """Tell the client how far the call is. A value that does not grow is left out, as the protocol wants it."""
        if value > self._last:
            self._last = value
            await self._context.session.report_progress(value, total, words)


def takes_tasks(context: ServerRequestContext[Any, Any]) -> bool:
    """Whether the client supports the extension for tasks."""
    capabilities = context.session.client_capabilities
    return capabilities is not None and TASKS in (capabilities.extensions or {})
