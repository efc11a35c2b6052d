from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from luzia_protocol.events import Progressed, Started
from luzia_protocol.jobs import JobState
from luzia_protocol.replies import FollowEnd, Output

from luzia_client import (
    Client,
    ClientStateError,
    ConnectionLostError,
    DaemonUnreachableError,
    ErrorCode,
    Refused,
    UnexpectedAnswerError,
)
from unit.luzia_client.fake_daemon import DEADLINE_S, DISPATCHED, HUNG_UP, JOB, FakeDaemon, Script, info, job

Serve = Callable[[Script], FakeDaemon]
BUSY = {"error": {"code": "shutting_down", "message": "ending", "hint": "RetryState."}}


def piece(offset: int, data: str, ended: bool = False) -> dict[str, Any]:
    end = offset + len(data)
    return {
        "output": {
            "job": JOB,
            "attempt": 1,
            "stream": "stdout",
            "offset": offset,
            "next_offset": end,
            "data": data,
            "size": end,
            "ended": ended,
        }
    }


def end(offset: int) -> dict[str, Any]:
    return {"end": {"job": JOB, "attempt": 1, "offset": offset, "state": "completed"}}


def event(seq: int, kind: str = "started", **fields: Any) -> dict[str, Any]:
    known: dict[str, dict[str, Any]] = {
        "started": {"attempt": 1, "pid": 7},
        "progress": {"attempt": 1, "progress": {"percent": 5}},
    }
    return {
        "event": {
            "kind": kind,
            "seq": seq,
            "at": "2026-01-02T03:04:05+00:00",
            "job": JOB,
            "project": "overbits",
            "state": "running",
            **known.get(kind, {}),
            **fields,
        }
    }


def test_requests_share_one_connection(serve: Serve) -> None:
    daemon = serve(lambda _: {"ok": {"job": job("completed", exit_code=0)}})
    with Client() as client:
        assert client.get_job(JOB).state is JobState.COMPLETED
        assert client.get_job(JOB).exit_code == 0
    assert (daemon.connections, daemon.ops()) == (1, ["status", "status"])


def test_a_dispatch_carries_a_key_and_the_callers_directory(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    daemon = serve(lambda _: {"ok": DISPATCHED})
    with Client() as client:
        client.dispatch(".", "x", env={"A": "1"})
        client.dispatch("p", argv=["make"], key="mine")
    first, second = daemon.requests
    assert first["project"] == str(tmp_path)
    assert first["key"].startswith("auto-")
    assert second["key"] == "mine"
    assert second["argv"] == ["make"]


def test_a_cached_status_saves_the_request(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUZIA_CACHE_TTL", "1000")
    daemon = serve(lambda _: {"ok": {"job": job()}})
    with Client() as client:
        client.get_job(JOB, use_cache=True)
        client.get_job(JOB, use_cache=True)
        assert len(daemon.requests) == 1
        client.get_job(JOB)
        assert len(daemon.requests) == 2


def test_what_a_request_changes_is_not_answered_from_memory(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUZIA_CACHE_TTL", "1000")
    changed = {"job": JOB, "state": "stopping"}
    daemon = serve(lambda request: {"ok": changed if request["op"] == "cancel" else {"job": job()}})
    with Client() as client:
        client.get_job(JOB)
        client.cancel(JOB)
        client.get_job(JOB, use_cache=True)
    assert daemon.ops() == ["status", "cancel", "status"]


def test_what_takes_long_holds_up_no_other_thread(serve: Serve) -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def script(request: dict[str, Any]) -> Any:
        if request["op"] == "status":
            return {"ok": {"job": job()}}
        asked.set()
        may_answer.wait(DEADLINE_S)
        return {"ok": {"job": JOB, "path": "/x", "removed": True}}

    serve(script)
    with Client() as client, ThreadPoolExecutor() as threads:
        cleaned = threads.submit(client.clean_worktree, JOB)
        assert asked.wait(DEADLINE_S)
        assert client.get_job(JOB).id == JOB
        may_answer.set()
        assert cleaned.result().removed


def test_one_word_is_not_taken_for_its_letters(serve: Serve) -> None:
    empty = {"jobs": [], "counts": {}, "seq": 4}
    daemon = serve(lambda request: {"ok": empty if request["op"] == "list" else {"jobs": [job("lost")]}})
    with Client() as client:
        client.wait(JOB)
        client.list_jobs(projects="overbits", states=JobState.LOST)
    assert daemon.requests[0]["jobs"] == [JOB]
    assert (daemon.requests[1]["projects"], daemon.requests[1]["states"]) == (["overbits"], ["lost"])


def test_a_cache_of_zero_seconds_is_none(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUZIA_CACHE_TTL", "0")
    daemon = serve(lambda _: {"ok": {"job": job()}})
    with Client() as client:
        client.get_job(JOB, use_cache=True)
        client.get_job(JOB, use_cache=True)
    assert len(daemon.requests) == 2


def test_all_pages_are_listed(serve: Serve) -> None:
    def pages(request: dict[str, Any]) -> Any:
        first = request.get("cursor") is None
        jobs = [job(job_id="a" if first else "b")]
        return {"ok": {"jobs": jobs, "counts": {"running": 2}, "next": 5 if first else None, "seq": 9}}

    serve(pages)
    with Client() as client:
        assert [one.id for one in client.iter_jobs(page_size=1)] == ["a", "b"]


def test_a_refusal_is_raised_with_its_code_and_hint(serve: Serve) -> None:
    serve(lambda _: {"error": {"code": "unknown_job", "message": "no job x", "hint": "Look."}})
    with Client() as client, pytest.raises(Refused) as caught:
        client.get_job("x")
    assert (caught.value.code, caught.value.message, caught.value.hint) == (ErrorCode.UNKNOWN_JOB, "no job x", "Look.")


def test_an_error_code_of_a_newer_daemon_is_told_in_the_message(serve: Serve) -> None:
    serve(lambda _: {"error": {"code": "too_tired", "message": "later"}})
    with Client() as client, pytest.raises(Refused) as caught:
        client.get_info()
    assert (caught.value.code, caught.value.message) == (ErrorCode.INTERNAL, "later (too_tired)")


@pytest.mark.parametrize("line", [b"220 mail\n", b"{}\n", b'{"ok":{"job":3}}\n', b'{"ok":{}}\n'])
def test_what_speaks_another_protocol_is_told_apart_from_a_dead_daemon(serve: Serve, line: bytes) -> None:
    serve(lambda _: line)
    with Client() as client, pytest.raises(UnexpectedAnswerError):
        client.get_job(JOB)


def test_a_connection_that_broke_while_idle_is_replaced_before_an_unsafe_request(serve: Serve) -> None:
    daemon = serve(lambda _: {"ok": {"job": JOB, "state": "stopping"}})
    with Client() as client:
        client.cancel(JOB)
        daemon.hang_up()
        client.cancel(JOB)
    assert (daemon.ops(), daemon.connections) == (["cancel", "cancel"], 2)


def test_a_safe_request_without_an_answer_is_asked_again(serve: Serve) -> None:
    daemon = serve(lambda _: None)
    daemon.script = lambda _: HUNG_UP if len(daemon.requests) == 1 else {"ok": info()}
    with Client() as client:
        assert client.get_info().uptime_s == 65.0
    assert len(daemon.requests) == 2


def test_a_request_that_may_have_been_done_is_not_asked_again(serve: Serve) -> None:
    daemon = serve(lambda _: HUNG_UP)
    with Client() as client, pytest.raises(ConnectionLostError, match="closed the connection before it replied"):
        client.retry(JOB)
    assert daemon.ops() == ["retry"]


def test_a_dispatch_that_got_no_answer_is_asked_again_with_the_same_key(serve: Serve) -> None:
    daemon = serve(lambda _: None)
    daemon.script = lambda _: [b'{"ok":{"jo', HUNG_UP] if len(daemon.requests) == 1 else {"ok": DISPATCHED}
    with Client() as client:
        client.dispatch("p", "x")
    assert daemon.requests[0]["key"] == daemon.requests[1]["key"]


def test_no_daemon_is_told_with_a_remedy(home: Path) -> None:
    with Client(autostart=False) as client, pytest.raises(DaemonUnreachableError) as caught:
        client.get_info()
    assert caught.value.message == f"no daemon answers on {home}/r/luzia.sock"
    assert "luzia daemon start" in caught.value.hint


def test_a_socket_path_that_is_too_long_is_told(home: Path) -> None:
    with Client(str(home / ("x" * 120))) as client, pytest.raises(DaemonUnreachableError, match="too long"):
        client.get_info()


def test_follow_goes_on_from_its_offset_over_a_restart(serve: Serve) -> None:
    daemon = serve(lambda _: None)

    def script(request: dict[str, Any]) -> Any:
        if len(daemon.requests) == 1:
            return [{"ok": {}}, piece(0, "abc"), piece(3, "de"), HUNG_UP]
        if len(daemon.requests) == 2:
            return BUSY
        return [{"ok": {}}, piece(request["offset"], "fg", ended=True), end(7)]

    daemon.script = script
    with Client() as client:
        *pieces, last = client.follow(JOB, tail=10)
    assert "".join(item.data for item in pieces if isinstance(item, Output)) == "abcdefg"
    assert last == FollowEnd(job=JOB, attempt=1, offset=7, state=JobState.COMPLETED)
    assert daemon.requests[0]["tail"] == 10
    assert {"attempt": 1, "offset": 5}.items() <= daemon.requests[2].items()
    assert "tail" not in daemon.requests[2]


def test_a_refused_follow_is_raised_at_once(serve: Serve) -> None:
    serve(lambda _: {"error": {"code": "unknown_job", "message": "no job x"}})
    with Client() as client, pytest.raises(Refused):
        next(client.follow("x"))


def test_wait_waits_again_for_the_rest_of_the_time(serve: Serve) -> None:
    daemon = serve(lambda _: None)
    waited = {"ok": {"jobs": [job("failed")], "timed_out": False}}
    daemon.script = lambda _: HUNG_UP if len(daemon.requests) == 1 else waited
    with Client() as client:
        assert client.wait([JOB], timeout_s=100).jobs[0].state is JobState.FAILED
    first, second = daemon.requests
    assert 0 < second["timeout_s"] < first["timeout_s"] <= 100


def test_wait_survives_a_daemon_that_is_away_for_a_while(serve: Serve) -> None:
    daemon = serve(lambda _: None)
    waited = {"ok": {"jobs": [job("completed")], "timed_out": False}}
    asked = threading.Event()

    def vanish(_request: dict[str, Any]) -> Any:
        asked.set()
        return []

    daemon.script = vanish
    with Client(autostart=False) as client:
        answers: list[Any] = []
        waiting = threading.Thread(target=lambda: answers.append(client.wait([JOB])))
        waiting.start()
        assert asked.wait(30)
        daemon.close()
        serve(lambda _: waited)
        waiting.join(30)
    assert answers[0].jobs[0].state is JobState.COMPLETED


def test_a_stream_gives_up_when_no_daemon_comes_back(serve: Serve) -> None:
    daemon = serve(lambda _: None)

    def vanish(_request: dict[str, Any]) -> Any:
        threading.Thread(target=daemon.close).start()
        return []

    daemon.script = vanish
    with Client(autostart=False, reconnect_s=0.2) as client, pytest.raises(DaemonUnreachableError):
        client.wait([JOB])


def test_a_job_is_named_whole_before_it_is_waited_for(serve: Serve) -> None:
    """`@last`, or a part of an id, may be another job after a reconnection."""
    daemon = serve(
        lambda request: {"ok": {"job": job()}} if request["op"] == "status" else {"ok": {"jobs": [job("lost")]}}
    )
    with Client() as client:
        client.wait(["@last", "a2f5"])
        client.wait([JOB])
    assert [request["op"] for request in daemon.requests] == ["status", "status", "wait", "wait"]
    assert [request["jobs"] for request in daemon.requests[2:]] == [[JOB, JOB], [JOB]]


def test_subscribe_loses_and_doubles_nothing_over_restarts(serve: Serve) -> None:
    daemon = serve(lambda _: None)

    def script(request: dict[str, Any]) -> Any:
        if request["op"] == "list":
            return {"ok": {"jobs": [], "counts": {}, "seq": 4}}
        rounds: dict[int, list[Any]] = {
            4: [event(5), event(6, "progress"), HUNG_UP],
            6: [event(6, "progress"), event(8, "of_the_future"), event(9), {"lagged": {"next": 9}}],
            9: [event(11)],
        }
        return [{"ok": {}}, *rounds[request["after"]]]

    daemon.script = script
    with Client() as client:
        events = client.subscribe(kinds=["started", "progress"])
        seen = [next(events) for _ in range(4)]
    assert [one.seq for one in seen] == [5, 6, 9, 11]
    assert isinstance(seen[0], Started)
    assert isinstance(seen[1], Progressed)
    assert [request.get("kinds") for request in daemon.requests[1:]] == [["started", "progress"]] * 3


def test_subscribe_begins_where_it_was_called(serve: Serve) -> None:
    daemon = serve(lambda _: {"ok": {"jobs": [], "counts": {}, "seq": 4}})
    with Client() as client:
        client.subscribe()
    assert daemon.ops() == ["list"]


def test_the_other_requests_say_what_was_asked(serve: Serve) -> None:
    daemon = serve(lambda _: None)
    answers: dict[str, dict[str, Any]] = {
        "hello": {"version": 1, "daemon": "luziad 0.1.0", "pid": 1},
        "logs": piece(0, "abc")["output"],
        "remove": {"job": JOB, "state": "failed"},
        "progress": {"job": JOB, "state": "running", "attempt": 1},
        "projects": {"projects": [], "config_file": "/c"},
        "project_add": {"projects": [], "config_file": "/c"},
        "project_remove": {"projects": [], "config_file": "/c"},
        "agents": {"agents": []},
        "reload": {"config_file": "/c", "projects": 1, "agents": 2},
        "shutdown": {"pid": 1, "running": 2},
    }
    daemon.script = lambda request: {"ok": answers[request["op"]]}
    with Client() as client:
        assert client.hello().pid == 1
        assert client.read_output(JOB, attempt=1, stream="stderr", tail=3).data == "abc"
        assert client.remove(JOB).state is JobState.FAILED
        assert client.report_progress(JOB, 65, label="tests").attempt == 1
        assert client.list_projects().config_file == "/c"
        client.add_project("p", "/x", agent="shell")
        client.remove_project("p")
        assert client.list_agents().agents == []
        assert client.reload_config().agents == 2
        assert client.stop_daemon().running == 2
    by_op = {request["op"]: request for request in daemon.requests}
    assert set(by_op) == set(answers)
    assert by_op["logs"] == {"op": "logs", "job": JOB, "attempt": 1, "stream": "stderr", "tail": 3, "max_bytes": 262144}
    assert by_op["progress"] == {"op": "progress", "job": JOB, "percent": 65.0, "label": "tests"}
    assert by_op["project_add"] == {"op": "project_add", "name": "p", "path": "/x", "agent": "shell"}


def test_a_disconnected_client_connects_again_and_a_closed_one_does_not(serve: Serve) -> None:
    daemon = serve(lambda _: {"ok": info()})
    with Client() as client:
        assert repr(client).endswith("/r/luzia.sock'>")
        client.get_info()
        client.disconnect()
        client.get_info()
    assert daemon.connections == 2
    for ask in (client.get_info, lambda: client.clean_worktree(JOB), lambda: next(client.follow(JOB))):
        with pytest.raises(ClientStateError, match="the client has been closed"):
            ask()
    assert repr(client).endswith("/r/luzia.sock' closed>")
