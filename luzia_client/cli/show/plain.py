"""Jobs of a list as they came over the wire, without the structs of luzia_protocol: these take too long to load.

What the screens ask of a job is turned into what its struct would have, when it is asked for.
"""

from __future__ import annotations

import json
from datetime import datetime

from luzia_protocol.states import JobState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from luzia_protocol.jobs import Job
    from luzia_protocol.operating import Queues

    Exchange = Callable[[bytes], bytes]

MAX_PAGE = 1000
_OBJECTS = frozenset(("activity", "progress", "question", "usage", "worktree"))


class Plain:
    """An object of the wire. Moments are datetimes, a state is a JobState, what is missing is None."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def __getattr__(self, name: str) -> Any:
        value = self.fields.get(name)
        if value is not None:
            if name.endswith("_at"):
                value = datetime.fromisoformat(value)
            elif name == "state":
                value = JobState(value)
            elif name in _OBJECTS:
                value = Plain(value)
        setattr(self, name, value)  # it is asked for again
        return value


class Page:
    """A page of jobs as JobPage has it. raw: the objects as they came."""

    def __init__(self, listed: dict[str, Any]) -> None:
        self.raw: list[dict[str, Any]] = listed["jobs"]
        self.jobs: list[Job] = [Plain(job) for job in self.raw]  # type: ignore[misc]  # what is used of them is alike
        self.counts = {JobState(state): count for state, count in listed["counts"].items()}
        self.notices: list[str] = listed.get("notices", [])
        self.next: int | None = listed.get("next")
        self._queues: dict[str, Any] = listed.get("queues") or {}

    @property
    def queues(self) -> Queues:
        """What an operator has stopped, and since when."""
        moments = {name: at and datetime.fromisoformat(at) for name, at in self._queues.items() if name != "projects"}
        projects = {name: datetime.fromisoformat(at) for name, at in (self._queues.get("projects") or {}).items()}
        return Plain({**moments, "projects": projects})  # type: ignore[return-value]  # read like one


def pages(request: Mapping[str, Any], limit: int | None, exchange: Exchange) -> Iterator[Page]:
    """Ask the daemon, which is started if it is not there, for pages until there are `limit` jobs (None: all of them).

    request: fields of requests.List. exchange: sends a line, returns the answer. Raises what the client raises.
    """
    left = limit
    cursor: int | None = None
    while left is None or left > 0:
        page = Page(
            _ask({"op": "list", **request, "cursor": cursor, "limit": min(left or MAX_PAGE, MAX_PAGE)}, exchange)
        )
        yield page
        left = None if left is None else left - len(page.raw)
        cursor = page.next
        if cursor is None:
            return


def _ask(request: Mapping[str, Any], exchange: Exchange) -> dict[str, Any]:
    answer = exchange(json.dumps(request).encode() + b"\n")
    if answer[:6] == b'{"ok":':
        found: dict[str, Any] = json.loads(answer)["ok"]
        return found
    from luzia_client.api.replies import parse_frame
    from luzia_client.transport.endpoint import UnexpectedAnswerError

    parse_frame(answer)  # raises what the error means
    raise UnexpectedAnswerError("the daemon's reply to a list is invalid")
