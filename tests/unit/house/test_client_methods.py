"""Every request has its one method in both clients, which take and return the same."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import pytest

from luzia_protocol import requests

from luzia_client.api.async_client import AsyncClient
from luzia_client.api.client import Client

METHODS = {
    "agents": "list_agents",
    "answer": "answer_question",
    "clean": "clean_worktree",
    "drain": "drain_queue",
    "graph_show": "get_graph",
    "import": "import_jobs",
    "info": "get_info",
    "list": "list_jobs",
    "logs": "read_output",
    "past_races": "list_past_races",
    "progress": "report_progress",
    "project_add": "add_project",
    "project_remove": "remove_project",
    "projects": "list_projects",
    "reload": "reload_config",
    "schedule_add": "add_schedule",
    "schedule_list": "list_schedules",
    "schedule_pause": "pause_schedule",
    "schedule_remove": "remove_schedule",
    "schedule_resume": "resume_schedule",
    "schedule_run": "run_schedule",
    "schedule_show": "get_schedule",
    "search": "search_jobs",
    "search_rebuild": "rebuild_search_index",
    "send": "send_message",
    "shutdown": "stop_daemon",
    "spend": "get_spending",
    "status": "get_job",
    "update_status": "report_progress",
}
"""Op -> its method; every other method has the name of its op, which is a verb for what is done to a job."""

BESIDE_REQUESTS = {"close", "disconnect", "iter_jobs"}
WITHOUT_METHOD = {"unsubscribe", "graph_part"}
"""The streams of the clients have a connection each, and end with it; StreamGroup.end ends one of several. The method
`graph` sends parts when it has to."""


def public(client: type) -> dict[str, Any]:
    """The public methods of a client."""
    return {name: value for name, value in inspect.getmembers(client, callable) if not name.startswith("_")}


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_every_request_has_its_one_method(client: type) -> None:
    ops = {struct.__struct_config__.tag for struct in get_args(requests.Request)}
    assert set(public(client)) - BESIDE_REQUESTS == {METHODS.get(op, op) for op in ops - WITHOUT_METHOD}


def test_both_clients_take_and_return_the_same() -> None:
    ours, theirs = public(AsyncClient), public(Client)
    assert set(ours) == set(theirs)
    assert [name for name in vars(AsyncClient) if not name.startswith("_")] == [
        name for name in vars(Client) if not name.startswith("_")
    ]
    for name, method in ours.items():
        asynchronous, blocking = inspect.signature(method), inspect.signature(theirs[name])
        assert asynchronous.parameters == blocking.parameters, name
        assert asynchronous.return_annotation.removeprefix("Async") == blocking.return_annotation, name


def test_every_method_says_what_it_does() -> None:
    for name, method in public(AsyncClient).items():
        assert inspect.getdoc(method) == inspect.getdoc(public(Client)[name]), name
        assert inspect.getdoc(method), name


def test_every_method_of_the_asynchronous_client_is_its_own_coroutine_or_iterator() -> None:
    for name, method in public(AsyncClient).items():
        assert method.__qualname__ == f"AsyncClient.{name}"
        assert inspect.iscoroutinefunction(method) == (name not in ("iter_jobs", "follow", "subscribe")), name
