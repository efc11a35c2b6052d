"""Whole graphs and batches of jobs: accepted as a whole or not at all, drawn, and run in order."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from luzia_protocol.requests import MAX_GRAPH_JOBS

from support import Connection, PrivateDaemon, private_daemon

GATE = "cat gate >/dev/null"


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nmax_running = 4\nmax_queued = 20000\n") as running:
        os.mkfifo(running.project / "gate")
        yield running


def open_gate(daemon: PrivateDaemon) -> None:
    os.close(os.open(daemon.project / "gate", os.O_WRONLY))


def node(name: str, task: str = "true", **more: object) -> dict[str, object]:
    return {"name": name, "project": "overbits", "task": task, **more}


def ended(wire: Connection, jobs: list[str]) -> list[dict[str, Any]]:
    found = wire.ok(op="wait", jobs=jobs, timeout_s=60)
    assert not found["timed_out"]
    jobs_found: list[dict[str, Any]] = found["jobs"]
    return jobs_found


def count(wire: Connection) -> int:
    return len(wire.ok(op="list", limit=1000)["jobs"])


def test_a_graph_runs_in_its_order_whatever_the_order_of_its_jobs(wire: Connection) -> None:
    graphed = wire.ok(
        op="graph",
        jobs=[
            node("deploy", after=["test", "lint"]),
            node("test", after=["build"]),
            node("lint", after=["build"]),
            node("build"),
            node("mail", after_fail=["deploy"]),
        ],
    )["jobs"]
    assert list(graphed) == ["deploy", "test", "lint", "build", "mail"]
    jobs = dict(zip(graphed, ended(wire, list(graphed.values())), strict=True))
    assert [jobs[name]["state"] for name in graphed] == ["completed"] * 4 + ["skipped"]
    assert jobs["deploy"]["after"] == [graphed["test"], graphed["lint"]]
    assert jobs["build"]["node"] == "build"
    assert jobs["build"]["ended_at"] <= min(jobs["test"]["started_at"], jobs["lint"]["started_at"])
    assert max(jobs["test"]["ended_at"], jobs["lint"]["ended_at"]) <= jobs["deploy"]["started_at"]


def test_a_graph_may_come_after_jobs_that_there_are(daemon: PrivateDaemon, wire: Connection) -> None:
    first = wire.ok(op="dispatch", project="overbits", task=GATE)["job"]
    graphed = wire.ok(op="graph", jobs=[node("next", after=[first[-4:]]), node("last", after=["next"])])["jobs"]
    assert wire.ok(op="status", job=graphed["next"])["job"]["reason"] == f"waits for {first}"
    open_gate(daemon)
    assert [job["state"] for job in ended(wire, list(graphed.values()))] == ["completed", "completed"]


def test_the_jobs_of_a_graph_are_called_by_name_in_reasons(daemon: PrivateDaemon, wire: Connection) -> None:
    graphed = wire.ok(op="graph", jobs=[node("build", task=f"{GATE}; exit 1"), node("test", after=["build"])])["jobs"]
    assert wire.ok(op="status", job=graphed["test"])["job"]["reason"] == f"waits for build ({graphed['build']})"
    assert "queued: waits for build\n" in daemon.run("graph", "show", graphed["test"]).stdout
    open_gate(daemon)
    skipped = ended(wire, list(graphed.values()))[1]
    assert skipped["reason"] == f"build ({graphed['build']}) failed, and this job needed it completed"


@pytest.mark.parametrize(
    ("jobs", "code", "said"),
    [
        ([node("a", after=["b"]), node("b", after=["a"])], "graph_cycle", "a → b → a"),
        ([node("a", after=["a"])], "graph_cycle", "a → a"),
        ([node("build"), node("test", after=["biuld"])], "unknown_job", "nor is it in the graph"),
        ([node("a"), node("a")], "bad_request", "duplicate name 'a'"),
        ([node("a/b")], "bad_request", "invalid name 'a/b'"),
        ([node("a"), node("b", task=" ")], "invalid_task", "job 'b': the task is empty"),
        ([node("a"), {**node("b"), "project": "nowhere"}], "unknown_project", "job 'b'"),
        ([node("a", key="k")], "bad_request", "the graph can have a `key`"),
        ([], "bad_request", f"1 to {MAX_GRAPH_JOBS} jobs"),
    ],
)
def test_a_graph_with_a_mistake_is_refused_whole(
    wire: Connection, jobs: list[dict[str, object]], code: str, said: str
) -> None:
    refused = wire.error(op="graph", jobs=jobs)
    assert refused["code"] == code
    assert said in refused["message"]
    assert count(wire) == 0


def test_all_jobs_of_a_graph_that_cannot_be_dispatched_are_told_at_once(wire: Connection) -> None:
    jobs = [
        {**node("a"), "project": "nowhere"},
        node("b", after=["a"]),
        node("c", after=["b"]),
        node("d", task=" "),
        node("e"),
    ]
    refused = wire.error(op="graph", jobs=jobs)
    assert refused["code"] == "unknown_project"
    told = refused["message"].split("; ")
    assert [words.partition(":")[0] for words in told] == ["job 'a'", "job 'd'"], "not those that only come after one"
    assert told[1] == "job 'd': the task is empty"
    assert count(wire) == 0


def test_variables_of_a_refused_graph_are_forgotten(daemon: PrivateDaemon, wire: Connection) -> None:
    secret = "s3cret-of-a-refused-graph"
    wire.error(op="graph", jobs=[node("a", env={"TOKEN": secret}), node("b", task="")])
    job = wire.ok(op="dispatch", project="overbits", task="true")["job"]
    ended(wire, [job])
    daemon.stop()
    assert not [path for path in daemon.state.glob("*.db*") if secret.encode() in path.read_bytes()]


def test_the_same_key_is_the_same_graph_also_after_a_crash(daemon: PrivateDaemon, wire: Connection) -> None:
    jobs = [node("a"), node("b", after=["a"])]
    first = wire.ok(op="graph", jobs=jobs, key="nightly")
    retry = wire.ok(op="graph", jobs=jobs, key="nightly")
    assert (first["created"], retry["created"], retry["jobs"]) == (True, False, first["jobs"])
    daemon.kill()
    daemon.start()
    with daemon.connect() as later:
        assert later.ok(op="graph", jobs=jobs, key="nightly")["jobs"] == first["jobs"]
        assert count(later) == 2


def test_a_graph_of_the_largest_size_is_taken_and_a_larger_one_is_not(wire: Connection) -> None:
    jobs = [{"project": "overbits", "task": "true", "after": [str(number)]} for number in range(1, MAX_GRAPH_JOBS)]
    graphed = wire.ok(op="graph", jobs=[node("", task=GATE), *jobs])["jobs"]
    assert len(set(graphed.values())) == MAX_GRAPH_JOBS
    wire.ok(op="cancel", job=graphed["1"])
    assert ended(wire, [graphed[str(MAX_GRAPH_JOBS)]])[0]["state"] == "skipped"
    assert str(MAX_GRAPH_JOBS + 1) in wire.error(op="graph", jobs=[node("")] * (MAX_GRAPH_JOBS + 1))["message"]


def test_the_queue_takes_all_of_a_graph_or_nothing(wire: Connection) -> None:
    wire.ok(op="graph", jobs=[node("", task=GATE)] * 10_000)
    wire.ok(op="graph", jobs=[node("", task=GATE)] * 9_000)
    refused = wire.error(op="graph", jobs=[node("", task=GATE)] * 1_010)
    assert refused["code"] == "queue_full"
    assert "20000" in refused["message"]


PIPELINE = """
project = "overbits"

[jobs.build]
task = "cat gate >/dev/null"

[jobs.test]
task = "false"
after = ["build"]

[jobs.lint]
task = "true"
after = ["build"]

[jobs.deploy]
task = "true"
after = ["test", "lint"]
"""


def test_a_pipeline_is_run_and_drawn_by_the_command_line(daemon: PrivateDaemon, wire: Connection) -> None:
    (daemon.root / "pipeline.toml").write_text(PIPELINE)
    said = daemon.run("graph", "run", str(daemon.root / "pipeline.toml"))
    assert said.returncode == 0, said.stderr
    ids = dict(line.split() for line in said.stdout.splitlines())
    assert list(ids) == ["build", "test", "lint", "deploy"]
    open_gate(daemon)
    ended(wire, list(ids.values()))
    drawn = [line.split("  ")[0] for line in daemon.run("graph", "show", ids["lint"]).stdout.splitlines()]
    assert drawn == ["build", "├─ test", "└─ lint", "└─ deploy"] or drawn[:2] == ["build", "├─ test"]
    whole = daemon.run("graph", "show", ids["lint"]).stdout
    assert f"{ids['test']}  failed: exit code 1" in whole
    assert "(also after test)" in whole
    lines = daemon.run("graph", "--json", "show", "@last").stdout.splitlines()
    assert {json.loads(line)["node"] for line in lines} == set(ids)


def test_json_on_stdin_is_a_graph_too(daemon: PrivateDaemon, wire: Connection) -> None:
    graph = {
        "project": str(daemon.project),
        "agent": "shell",
        "jobs": {"a": {"task": "true"}, "b": {"argv": ["true"], "after": ["a"]}},
    }
    said = daemon.run("graph", "run", "--json", "-", input=json.dumps(graph))
    assert said.returncode == 0, said.stderr
    assert [job["state"] for job in ended(wire, list(json.loads(said.stdout)["jobs"].values()))] == ["completed"] * 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no jobs"),
        ("jobs = 3", "no jobs"),
        ("[jobs]\na = 3", "jobs.a: not a table"),
        ("[jobs.a]\ntask = = 3", "line 2"),
        ('[jobs.a]\ntask = "true"', "no project"),
        ('project = "overbits"\n[jobs.a]\ntsak = "true"', "Did you mean `task`?"),
        ('project = "overbits"\n[jobs.a]\ntask = 3', "jobs.a: `task` must be a string, not an integer"),
        ('{"jobs": ', "invalid JSON: it ends in the middle of a value"),
        ('{\n"jobs": x}', "invalid JSON at line 2, column 9"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_its_place(daemon: PrivateDaemon, text: str, said: str) -> None:
    (daemon.root / "p.toml").write_text(text)
    result = daemon.run("graph", "run", str(daemon.root / "p.toml"))
    assert result.returncode == 2
    assert said in result.stderr
    assert "p.toml" in result.stderr


def test_a_batch_is_dispatched_whole_or_not_at_all(daemon: PrivateDaemon, wire: Connection) -> None:
    lines = [json.dumps({"project": "overbits", "task": f"echo {number}"}) for number in range(300)]
    (daemon.root / "jobs.jsonl").write_text("\n\n".join(lines) + "\n")
    said = daemon.run("batch", str(daemon.root / "jobs.jsonl"))
    assert said.returncode == 0, said.stderr
    assert len(set(said.stdout.split())) == 300
    (daemon.root / "bad.jsonl").write_text("\n".join([*lines, "{", '{"project": "overbits", "tsk": "x"}']))
    said = daemon.run("batch", str(daemon.root / "bad.jsonl"))
    assert said.returncode == 2
    assert "line 301: invalid JSON" in said.stderr
    assert "line 302: unknown field 'tsk'" in said.stderr
    assert "no jobs dispatched" in said.stderr
    assert count(wire) == 300


def test_a_batch_line_by_line_reports_what_was_wrong(daemon: PrivateDaemon, wire: Connection) -> None:
    lines = ['{"project": "overbits", "task": "true"}', "nonsense", '{"project": "nowhere", "task": "true"}']
    said = daemon.run("batch", "--each", "-", input="\n".join([*lines, lines[0]]))
    assert said.returncode == 4
    assert len(said.stdout.split()) == 2
    assert "stdin, line 2: invalid JSON" in said.stderr
    assert "stdin, line 3" in said.stderr
    assert "dispatched 2 jobs, refused 2" in said.stderr
    assert count(wire) == 2


def test_a_batch_reports_what_it_and_what_the_daemon_find_wrong_in_one_round(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    lines = [
        '{"project": "overbits", "task": "true"}',
        '{"project": "overbits", "task": 5}',
        '{"project": "nowhere", "task": "true"}',
        '{"project": "overbits", "task": "true", "name": "one"}',
        '{"project": "overbits", "task": "true", "name": "one"}',
        '{"project": "overbits", "task": "true", "agent": "nobody"}',
        '{"project": "overbits", "task": "true", "name": "a b"}',
        '{"project": "overbits", "task": "true", "key": "mine"}',
    ]
    said = daemon.run("batch", "-", input="\n".join(lines))
    assert said.returncode == 2
    told = [line.removeprefix("luzia: stdin, line ") for line in said.stderr.splitlines() if line.startswith("luzia:")]
    assert told == [
        "2: `task` must be a string, not an integer",
        "3: project 'nowhere' not found",
        "5: duplicate name 'one'",
        "6: unknown agent 'nobody'",
        "7: invalid name 'a b'",
        "8: unknown field 'key'",
        "luzia: stdin: no jobs dispatched",
    ]
    assert count(wire) == 0


def test_a_graph_reports_what_it_and_what_the_daemon_find_wrong_in_one_round(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    text = '[jobs.a]\nproject = "overbits"\ntask = 5\n[jobs.b]\nproject = "nowhere"\ntask = "x"\n[jobs.c]\ntask = "x"'
    said = daemon.run("graph", "run", "-", input=text)
    assert said.returncode == 2
    assert "jobs.a: `task` must be a string" in said.stderr
    assert "jobs.b: project 'nowhere' not found" in said.stderr
    assert "jobs.c: no project" in said.stderr
    assert count(wire) == 0


def test_more_mistakes_than_a_message_holds_are_all_reported_by_line(daemon: PrivateDaemon, wire: Connection) -> None:
    lines = [f'{{"project": "nowhere-{number}", "task": "true"}}' for number in range(30)]
    said = daemon.run("batch", "-", input="\n".join(lines))
    assert said.returncode == 4
    assert all(f"stdin, line {number + 1}: project 'nowhere-{number}' not found" in said.stderr for number in range(30))
    jobs = [{"name": f"n{number}", "project": f"nowhere-{number}", "task": "true"} for number in range(30)]
    assert wire.error(op="graph", jobs=jobs)["message"].endswith("; and 20 more")
