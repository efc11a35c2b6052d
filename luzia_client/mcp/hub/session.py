"""Whom the hub serves on a connection, and the daemon in which that agent's jobs run."""

from __future__ import annotations

import os

import msgspec

from luzia_protocol import environment, replies, requests
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job
from luzia_protocol.version import VERSION

from luzia_client.api.async_caller import AsyncCaller


class Introduction(msgspec.Struct, frozen=True):
    """The first line of a relay; see relay/meeting.py. All fields but the first have defaults, for later relays."""

    luzia: str
    version: str = VERSION
    nonce: str = ""
    socket: str = ""
    directory: str = ""
    job: str = ""
    project: str = ""
    env: dict[str, str] = {}
    umask: int | None = None


class Session:
    """caller: who is served. daemon: makes its requests."""

    def __init__(self, caller: Introduction, daemon: AsyncCaller) -> None:
        self.caller = caller
        self.daemon = daemon

    @property
    def parent(self) -> str | None:
        """The job in which the agent runs, if any."""
        return self.caller.job or None

    def project(self, given: str | None) -> str:
        """A project as the daemon knows it: a name, or an absolute path.

        given: what the agent names; None is the project of its own job, otherwise the directory in which it runs.
        Raises Refused.
        """
        if given is None:
            if not (self.caller.project or self.caller.directory):
                message = "no project is named, and over HTTP it is not known where you work"
                raise Refused(ErrorCode.BAD_REQUEST, message, "Name a project or the path of a directory in `project`.")
            return self.caller.project or self.caller.directory
        if not environment.is_path(given):
            return given
        path = os.path.join(self.caller.directory, os.path.expanduser(given))
        return (
            path if ".." in path.split("/") else os.path.normpath(path)
        )  # behind a link, `..` is the daemon's to follow

    def key(self, request: int | str | None) -> str:
        """The key of a dispatch: the same for the same request, even if it comes again by another hub."""
        nonce = self.caller.nonce or os.urandom(8).hex()
        return f"mcp-{nonce}-{request}"

    async def job(self, job: str) -> Job:
        """All that is known of a job. Raises Refused."""
        return (await self.daemon.request(requests.Status(job=job), replies.StatusResult)).job

    async def newest_event(self) -> int:
        """The number of the newest event."""
        return (await self.daemon.request(requests.List(limit=1), replies.JobPage)).seq
