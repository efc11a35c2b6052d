"""The clients of the daemons whose jobs are in the list."""

from __future__ import annotations

from luzia_protocol.jobs import Job

from luzia_client.api.async_client import AsyncClient
from luzia_client.hosts.job_ids import host_of, id_there
from luzia_client.hosts.link_files import path_of
from luzia_client.hosts.settings import LOCAL
from luzia_client.transport.endpoint import DaemonUnreachableError
from luzia_client.tui.top.state import TopState


class HostUnreachableError(DaemonUnreachableError):
    """The host of a job cannot be reached at the moment."""


class Clients:
    """One client a host, over the link that all clients of this user share; the feed of the host opens that.

    reconnect_s: as for AsyncClient.
    """

    def __init__(self, top: TopState, reconnect_s: float = 60.0) -> None:
        self._top = top
        self._clients = {
            name: AsyncClient(
                None if name == LOCAL else path_of(name, "sock"), autostart=False, reconnect_s=reconnect_s
            )
            for name in top.hosts
        }

    @property
    def here(self) -> AsyncClient:
        """The client of this machine's daemon."""
        return self._clients[LOCAL]

    def at(self, host: str) -> AsyncClient:
        """The client of a host's daemon."""
        return self._clients[host]

    def of(self, job: Job) -> tuple[AsyncClient, str]:
        """The client of the job's host, and the job's id there. Raises HostUnreachableError if it cannot be reached."""
        name = host_of(job.id)
        if name != LOCAL and (problem := self._top.hosts[name].connection_error):
            raise HostUnreachableError(f"{job.id} cannot be changed or read now: {problem}", "")
        return self._clients[name], id_there(job.id)
