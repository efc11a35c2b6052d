"""Requests about the daemon: its projects, its agents, itself."""

from __future__ import annotations

from luzia_protocol import operating, replies, requests
from luzia_protocol.environment import absolute_path
from luzia_protocol.version import PROTOCOL_VERSION

from luzia_client.api.async_calling import AsyncCalling


class AsyncOperating(AsyncCalling):
    """Requests about the daemon: its projects, its agents, itself."""

    async def hello(self) -> replies.HelloResult:
        """Agree on the protocol's version, and hear who the daemon is. No other request needs it.

        Raises Refused: `unsupported_version`.
        """
        request = requests.Hello(version=PROTOCOL_VERSION, client="luzia_client")
        return await self._ask(request, replies.HelloResult)

    async def pause_queue(self, project: str | None = None, running: bool = True) -> operating.QueueChange:
        """Start nothing of a project, or of any; `running`: pause what runs as well."""
        request = operating.PauseQueue(project=project, running=running)
        return await self._ask(request, operating.QueueChange)

    async def resume_queue(self, project: str | None = None, running: bool = True) -> operating.QueueChange:
        """Start jobs of a project again, or of all; `running`: resume what is paused as well."""
        request = operating.ResumeQueue(project=project, running=running)
        return await self._ask(request, operating.QueueChange)

    async def drain_queue(self, end: bool = False) -> operating.QueueChange:
        """Start nothing until the daemon is stopped; `end`: start jobs again."""
        return await self._ask(operating.Drain(end=end), operating.QueueChange)

    async def list_projects(self) -> replies.ProjectList:
        """The configured projects by name, and the file that they stand in."""
        return await self._ask(requests.Projects(), replies.ProjectList)

    async def add_project(self, name: str, path: str, agent: str | None = None) -> replies.ProjectList:
        """Write a project into the daemon's configuration file and apply it.

        path: its directory; `~` and relative ones are understood. agent: the one for its jobs.

        Raises Refused: `project_exists`, `project_directory_missing`, `unknown_agent`, `config_invalid`.
        """
        request = requests.ProjectAdd(name=name, path=absolute_path(path), agent=agent)
        return await self._ask(request, replies.ProjectList)

    async def remove_project(self, name: str) -> replies.ProjectList:
        """Take a project out of the daemon's configuration file; its jobs stay.

        Raises Refused: `unknown_project`, `config_invalid`.
        """
        return await self._ask(requests.ProjectRemove(name=name), replies.ProjectList)

    async def list_agents(self, versions: bool = True) -> replies.AgentList:
        """The agents that the daemon knows, in the order in which an unnamed one is chosen.

        versions: have each one that is installed tell its version, for which its program is started.
        """
        return await self._ask(requests.Agents(versions=versions), replies.AgentList)

    async def reload_config(self) -> replies.ReloadResult:
        """Have the daemon read its configuration again; a broken file is refused whole.

        Raises Refused: `config_invalid`.
        """
        return await self._ask(requests.Reload(), replies.ReloadResult)

    async def get_info(self) -> replies.DaemonInfo:
        """What the daemon is and how it does. Sizes are bytes, times seconds."""
        return await self._ask(requests.Info(), replies.DaemonInfo)

    async def stop_daemon(self) -> replies.StopResult:
        """End the daemon; running agents go on, and the next daemon takes them over."""
        return await self._ask(requests.Shutdown(), replies.StopResult)
