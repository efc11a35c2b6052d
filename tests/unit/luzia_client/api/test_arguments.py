"""What the methods accept as arguments, and that a wrong one is a LuziaError which names it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from luzia_protocol import requests
from luzia_protocol.events import Event, EventKind
from luzia_protocol.job_control import JobChange
from luzia_protocol.replies import DispatchResult, Project

from luzia_client import ArgumentError, Client, GraphResult, JobState, LuziaError
from luzia_client.api.requests import DispatchOptions, EditOptions, GraphJob
from unit.luzia_client.fake_daemon import DISPATCHED, JOB, FakeDaemon, Script, info, job

Serve = Callable[[Script], FakeDaemon]
CHANGED = {"job": JOB, "state": "running"}
NO_TEXT = "\udcff"


@pytest.fixture
def daemon(serve: Serve) -> FakeDaemon:
    replies: dict[str, Any] = {
        "dispatch": DISPATCHED,
        "graph": {"jobs": {"build": JOB}},
        "info": info(),
        "list": {"jobs": [], "counts": {}},
        "projects": {"projects": [], "config_file": "/c"},
        "project_add": {"projects": [], "config_file": "/c"},
        "status": {"job": job()},
        "wait": {"jobs": []},
    }
    return serve(lambda request: {"ok": replies.get(request["op"], CHANGED)})


@pytest.mark.parametrize(
    "given", [DispatchResult(JOB, "agent:p:x", "p"), JobChange(JOB, JobState.RUNNING)], ids=["a dispatch", "a change"]
)
def test_the_result_of_a_method_stands_for_its_job(daemon: FakeDaemon, given: DispatchResult | JobChange) -> None:
    with Client() as client:
        found = client.get_job(given)
        for one in (given, found):
            client.cancel(one)
            client.dispatch("p", "x", after=one, parent=one)
            client.edit(one, after=[one, JOB])
            client.wait([one, JOB])
        client.wait(GraphResult({"build": JOB}))
    assert {request["job"] for request in daemon.requests if "job" in request} == {given.job}
    assert daemon.requests[2]["after"] == [given.job]
    assert daemon.requests[-1]["jobs"] == [JOB]


def test_paths_and_projects_are_taken_as_objects(daemon: FakeDaemon, tmp_path: Path) -> None:
    with Client(socket=Path(os.environ["LUZIA_RUNTIME_DIR"]) / "luzia.sock") as client:
        client.dispatch(tmp_path, "x", cwd=tmp_path)
        client.dispatch(Project("p", "/x", exists=True), argv=[tmp_path / "run"])
        client.add_project("p", tmp_path)
    first, second, third = daemon.requests
    assert (first["project"], first["cwd"], third["path"]) == (str(tmp_path),) * 3
    assert (second["project"], second["argv"]) == ("p", [f"{tmp_path}/run"])


def test_durations_are_seconds_or_timedeltas(daemon: FakeDaemon) -> None:
    minute = timedelta(minutes=1)
    with Client(reconnect_s=minute) as client:
        client.dispatch("p", "x", timeout_s=minute, backoff_s=[1, minute], start_in_s=2)
        client.wait(JOB, timeout_s=minute)
    first, second = daemon.requests
    assert (first["timeout_s"], first["backoff_s"], first["start_in_s"]) == (60, [1, 60], 2)
    assert second["timeout_s"] == pytest.approx(60, abs=30)


WRONG: dict[str, tuple[Callable[[Client], object], str]] = {
    "a command line": (lambda c: c.dispatch("p", argv="make test"), "argv is a single string"),
    "an unknown option": (lambda c: c.dispatch("p", "x", prio=1), "dispatch: unknown option 'prio'"),  # type: ignore[call-arg]
    "a task that is a number": (lambda c: c.dispatch("p", 3), "`task` must be a string, not an integer"),  # type: ignore[arg-type]
    "a task that is no text": (lambda c: c.dispatch("p", NO_TEXT), "a text is not valid Unicode"),
    "a project that is a number": (lambda c: c.dispatch(3, "x"), "project must be a string or a path, not int"),  # type: ignore[arg-type]
    "bytes as a path": (lambda c: c.add_project("p", b"/x"), "path must be a string or a path, not bytes"),  # type: ignore[arg-type]
    "a job that is a number": (lambda c: c.cancel(3), "job must be an id or a job, not int"),  # type: ignore[arg-type]
    "a job that is no text": (lambda c: c.cancel(NO_TEXT), "a text is not valid Unicode"),
    "jobs that are none": (lambda c: c.wait(3), "jobs must be a job, or several, not int"),  # type: ignore[arg-type]
    "no duration": (lambda c: c.wait(JOB, timeout_s=float("nan")), "invalid duration: timeout_s is nan"),
    "a duration as text": (lambda c: c.wait(JOB, timeout_s="5m"), "timeout_s must be seconds or a timedelta, not str"),  # type: ignore[arg-type]
    "a naive time": (lambda c: c.dispatch("p", "x", not_before=datetime(2026, 1, 1)), "not_before has no time zone"),  # noqa: DTZ001
    "another naive time": (lambda c: c.list_jobs(since=datetime(2026, 1, 1)), "since has no time zone"),  # noqa: DTZ001
    "an unknown state": (lambda c: c.list_jobs(states="ended"), "unknown state 'ended'"),  # type: ignore[arg-type]
    "an unknown kind": (lambda c: c.subscribe(kinds="end"), "unknown kind of event 'end'"),  # type: ignore[arg-type]
    "tags as a list": (lambda c: c.list_jobs(tags=["a"]), "tags must be a mapping, not list"),  # type: ignore[arg-type]
    "a value of a wrong type": (
        lambda c: c.dispatch("p", "x", env={"A": 1}),  # type: ignore[dict-item]
        "a value in `env` must be a string, not an integer",
    ),
    "an object": (lambda c: c.send_message(JOB, object()), "a value cannot be sent"),  # type: ignore[arg-type]
    "a graph job without project": (lambda c: c.graph([{"task": "x"}]), "job 1 of the graph has no project"),  # type: ignore[typeddict-item]
    "an unknown key of a graph job": (
        lambda c: c.graph([{"project": "p", "task": "x", "afters": ["y"]}]),  # type: ignore[typeddict-unknown-key]
        "job 1 of the graph: unknown option 'afters'",
    ),
    "no graph": (lambda c: c.graph(3), "jobs must be a list of jobs, not int"),  # type: ignore[arg-type]
    "one job as a graph": (lambda c: c.graph({"project": "p"}), "jobs must be a list of jobs, not dict"),  # type: ignore[arg-type]
    "jobs of a graph by name": (lambda c: c.wait({"build": JOB}), "jobs must be a job, or several, not dict"),
    "a graph of numbers": (lambda c: c.graph([3]), "job 1 of the graph must be a mapping, not int"),  # type: ignore[list-item]
    "an edit of nothing known": (lambda c: c.edit(JOB, timeout_s=3), "edit: unknown option 'timeout_s'"),  # type: ignore[call-arg]
    "no schedule": (lambda c: c.get_schedule(3), "schedule must be a name or a schedule, not int"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_argument_is_an_error_of_luzia_which_names_it(daemon: FakeDaemon, what: str) -> None:
    call, message = WRONG[what]
    with Client() as client, pytest.raises(ArgumentError) as caught:
        call(client)
    assert message in caught.value.message
    assert isinstance(caught.value, LuziaError | TypeError | ValueError)
    assert not daemon.requests


def test_a_near_miss_is_named(daemon: FakeDaemon) -> None:
    with Client() as client, pytest.raises(ArgumentError) as caught:
        client.dispatch("p", "x", timeout=3)  # type: ignore[call-arg]
    assert caught.value.hint == "Did you mean 'timeout_s'?"


def test_a_current_directory_that_is_gone_is_told(
    daemon: FakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with Client() as client, pytest.raises(ArgumentError, match="the current directory does not exist"):
        client.dispatch(".", "x")


@pytest.mark.parametrize("socket", ["/nowhere/luzia.sock", f"/tmp/{'x' * 200}", "/tmp/a\0b", f"/tmp/{NO_TEXT}\ud800"])
def test_a_socket_that_cannot_be_is_an_error_of_luzia(socket: str) -> None:
    with Client(socket, autostart=False) as client, pytest.raises(LuziaError):
        client.get_info()


def fields(struct: Any) -> set[str]:
    return set(struct.__struct_fields__) - {"id", "client_env", "umask"}


@pytest.mark.parametrize(
    ("options", "struct", "beside"),
    [
        (DispatchOptions, requests.Dispatch, ["project", "task"]),
        (GraphJob, requests.Node, []),
        (EditOptions, requests.Edit, ["job"]),
    ],
)
def test_the_options_are_the_fields_of_the_request(options: Any, struct: Any, beside: Sequence[str]) -> None:
    assert set(options.__annotations__) == fields(struct) - set(beside)


def test_the_kinds_are_those_of_the_events() -> None:
    tags = {kind.__struct_config__.tag for kind in get_args(Event)}
    assert set(get_args(EventKind)) == tags


def test_an_aware_time_is_taken(daemon: FakeDaemon) -> None:
    with Client() as client:
        client.dispatch("p", "x", not_before=datetime(2026, 1, 1, tzinfo=UTC))
    assert daemon.requests[0]["not_before"] == "2026-01-01T00:00:00Z"
