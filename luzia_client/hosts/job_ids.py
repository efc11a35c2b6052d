"""The ids of jobs in a list of several hosts: NAME/ID for those of another host, ID for those of this machine. Pure."""

from __future__ import annotations

import msgspec

from luzia_protocol.events import Collided, Event
from luzia_protocol.jobs import Collision, Job

from luzia_client.hosts.settings import LOCAL

_SEPARATOR = "/"


def host_of(job: str) -> str:
    """The name of the host that an id names."""
    return job.rpartition(_SEPARATOR)[0] or LOCAL


def id_there(job: str) -> str:
    """The id as that host knows it."""
    return job.rpartition(_SEPARATOR)[2]


def id_here(host: str, job: str) -> str:
    """The id in a list of several hosts of what a host calls `job`."""
    return job if host == LOCAL else f"{host}{_SEPARATOR}{job}"


def job_of(host: str, job: Job) -> Job:
    """A job as a host has sent it, for a list of several hosts."""
    if host == LOCAL:
        return job
    return msgspec.structs.replace(
        job,
        id=id_here(host, job.id),
        parent=None if job.parent is None else id_here(host, job.parent),
        after=[id_here(host, each) for each in job.after],
        after_any=[id_here(host, each) for each in job.after_any],
        after_fail=[id_here(host, each) for each in job.after_fail],
        collisions=[_collision_of(host, each) for each in job.collisions],
    )


def event_of(host: str, event: Event) -> Event:
    """An event as a host has sent it, for a list of several hosts."""
    if host == LOCAL:
        return event
    if isinstance(event, Collided):
        event = msgspec.structs.replace(event, collision=_collision_of(host, event.collision))
    return msgspec.structs.replace(event, job=id_here(host, event.job))


def _collision_of(host: str, collision: Collision) -> Collision:
    return msgspec.structs.replace(collision, job=id_here(host, collision.job))
