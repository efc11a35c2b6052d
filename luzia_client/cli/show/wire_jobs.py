"""Jobs read from the wire without json and the structs of luzia_protocol, which take too long to load.

A field is converted to the type that the struct has when it is first read.
"""

from __future__ import annotations

import os
from datetime import datetime

from luzia_protocol import state_names

from luzia_client.cli.show.light_json import dump_object, load_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from luzia_protocol.jobs import Job
    from luzia_protocol.operations import Queues

    Exchange = Callable[[bytes], bytes]

MAX_PAGE = 1000
_OBJECTS = frozenset(("activity", "budget", "discarded", "progress", "question", "run_of", "usage", "worktree"))
_LISTS_OF_OBJECTS = frozenset(("attempts", "collisions", "parts", "plan"))
_TIMES = frozenset(("at", "kept_until"))
"""Times whose names do not end in `_at`."""
_LISTS = (
    frozenset(("after", "after_any", "after_fail", "args", "asked", "conflicts", "descriptions", "env_names"))
    | {"files", "options"}
    | _LISTS_OF_OBJECTS
)
_MAPPINGS = frozenset(("children", "needs", "tags", "tools"))


class WireState(str):
    """A state of the wire, in place of a JobState."""

    @property
    def is_final(self) -> bool:
        """Whether the job has finished."""
        return self in state_names.FINAL


class WireObject:
    """An object of the wire. Times are datetimes, a state is a WireState, and a missing field is empty or None."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def __getattr__(self, name: str) -> Any:
        value = self.fields.get(name)
        if value is None:
            value = [] if name in _LISTS else {} if name in _MAPPINGS else None
        elif name.endswith("_at") or name in _TIMES:
            value = datetime.fromisoformat(value)
        elif name == "state":
            value = WireState(value)
        elif name in _OBJECTS:
            value = WireObject(value)
        elif name in _LISTS_OF_OBJECTS:
            value = [WireObject(each) for each in value]
        setattr(self, name, value)  # convert it only once
        return value


class WirePage:
    """A page of jobs, like `JobPage`. raw: the objects as received."""

    def __init__(self, listed: dict[str, Any]) -> None:
        self.raw: list[dict[str, Any]] = listed["jobs"]
        self.jobs = _read_jobs(self.raw)
        self.counts: dict[str, int] = listed["counts"]
        self.held: int = listed.get("held", 0)
        self.notices: list[str] = listed.get("notices", [])
        self.next: int | None = listed.get("next")
        self.pager = bool(listed.get("pager"))
        self.today = WireObject(listed.get("today") or {"running_s": 0.0})
        self._queues: dict[str, Any] = listed.get("queues") or {}

    def with_jobs(self, raw: list[dict[str, Any]]) -> WirePage:
        """The same page with these jobs instead."""
        page = WirePage.__new__(WirePage)
        page.__dict__.update(self.__dict__)
        page.raw, page.jobs = raw, _read_jobs(raw)
        return page

    @property
    def queues(self) -> Queues:
        """What an operator has suspended, and since when."""
        times = {name: at and datetime.fromisoformat(at) for name, at in self._queues.items() if name != "projects"}
        projects = {name: datetime.fromisoformat(at) for name, at in (self._queues.get("projects") or {}).items()}
        return WireObject({**times, "projects": projects})  # type: ignore[return-value]  # read like the struct


def _read_jobs(raw: list[dict[str, Any]]) -> list[Job]:
    return [WireObject(job) for job in raw]  # type: ignore[misc]  # read like the struct


def fetch_job(job: str, exchange: Exchange) -> tuple[Job, dict[str, Any]]:
    """Request one job; returns it also as received. job, exchange: as in `fetch_pages`, and a name of the job."""
    raw: dict[str, Any] = _request({"op": "status", "job": job}, exchange)["job"]
    return WireObject(raw), raw  # type: ignore[return-value]  # read like the struct


def fetch_pages(request: Mapping[str, Any], limit: int | None, exchange: Exchange) -> Iterator[WirePage]:
    """Request pages of at most `limit` jobs together; None for all. Starts the daemon if needed.

    request: fields of requests.List. exchange: sends a line and returns the answer. Raises the errors of the client.
    """
    left = limit
    cursor: int | None = None
    while left is None or left > 0:
        fields = {"op": "list", **request, "cursor": cursor, "limit": min(left or MAX_PAGE, MAX_PAGE)}
        page = WirePage(_request(fields, exchange))
        yield page
        left = None if left is None else left - len(page.raw)
        if page.next is None:
            return
        if page.next == cursor:
            from luzia_client.transport.endpoint import UnexpectedAnswerError

            raise UnexpectedAnswerError("the daemon's list has the same page again")
        cursor = page.next


def _request(request: Mapping[str, Any], exchange: Exchange) -> dict[str, Any]:
    answer = exchange(dump_object(request))
    if os.environ.get("LUZIA_HOST"):
        check_reply(request["op"], answer)
    if answer[:6] == b'{"ok":':
        found: dict[str, Any] = load_object(answer)["ok"]
        return found
    check_reply(request["op"], answer)  # raises the error in the answer
    from luzia_client.transport.endpoint import UnexpectedAnswerError

    raise UnexpectedAnswerError(f"invalid answer of the daemon to a {request['op']} request")


def check_reply(op: str, answer: bytes) -> None:
    """Check every field of a reply, as for one of another host, whose daemon may be any program.

    Raises UnexpectedAnswerError for an invalid one, and Refused for an error.
    """
    from luzia_protocol.replies import JobPage, StatusResult

    from luzia_client.api.replies import decode_frame, reply_in

    reply_in(decode_frame(answer), JobPage if op == "list" else StatusResult)
