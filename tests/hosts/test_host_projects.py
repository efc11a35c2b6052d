"""Projects that live on another host: schedules, files of jobs and races go there, and words are completed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from far_host import NAME, FarHost, far_host
from support import ended


@pytest.fixture(scope="module")
def host() -> Iterator[FarHost]:
    with far_host() as found:
        with found.here.config_file.open("a") as config:
            config.write(f'[projects.site]\nhost = "{NAME}"\n')
        with found.there.config_file.open("a") as config:
            config.write(f'[projects.site]\npath = "{found.there.project}"\nagent = "shell"\n')
        found.ok("daemon", "reload")
        yield found
        found.here.run("daemon", "stop")


def test_a_schedule_of_such_a_project_is_added_there(host: FarHost) -> None:
    words = ("schedule", "add", "nightly", "--cron", "0 3 * * *", "--project", "site", "true")
    done = host.here.run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Added nightly on {NAME}" in done.stdout
    assert "nightly" in host.ok("schedule", "list")
    assert host.here.run("schedule", "--json", "list").stdout == ""
    dispatched = json.loads(host.ok("schedule", "--json", "run", "nightly"))
    host.ok("wait", dispatched["job"])
    assert host.ok("schedule", "remove", "nightly")


def test_a_batch_and_a_graph_of_such_projects_go_there(host: FarHost, tmp_path: Path) -> None:
    batch = tmp_path / "tasks.jsonl"
    batch.write_text('{"project": "site", "task": "true"}\n{"project": "site", "task": "echo two"}\n')
    graph = tmp_path / "release.toml"
    graph.write_text(
        '[jobs.a]\nproject = "site"\ntask = "true"\n[jobs.b]\nproject = "site"\ntask = "true"\nafter = ["a"]\n'
    )
    for words in (("batch", str(batch)), ("batch", "--each", str(batch)), ("graph", "run", str(graph))):
        done = host.here.run(*words)
        assert (done.returncode, done.stderr) == (0, ""), words
        jobs = [line.split()[-1].rpartition(":")[2] for line in done.stdout.splitlines()]
        assert len(jobs) == 2
        with host.there.connect() as wire:
            assert [job["state"] for job in ended(wire, *jobs)] == ["completed", "completed"]
    drawn = host.here.run("graph", "show", f"{NAME}/{jobs[0]}")
    assert "a  " in drawn.stdout, drawn.stderr


def test_a_graph_is_run_on_the_host_of_the_option(host: FarHost, tmp_path: Path) -> None:
    graph = tmp_path / "release.toml"
    graph.write_text(
        '[jobs.a]\nproject = "overbits"\ntask = "false"\n[jobs.b]\nproject = "overbits"\ntask = "true"\nafter = ["a"]\n'
    )
    created = [line.split()[-1].rpartition(":")[2] for line in host.ok("graph", "run", str(graph)).splitlines()]
    with host.there.connect() as wire:
        assert [job["state"] for job in ended(wire, *created)] == ["failed", "skipped"]
    assert "skipped" in host.ok("graph", "show", created[0])


def test_files_with_projects_of_several_hosts_are_refused_with_what_to_do(host: FarHost, tmp_path: Path) -> None:
    batch = tmp_path / "tasks.jsonl"
    batch.write_text('{"project": "site", "task": "true"}\n{"project": "overbits", "task": "true"}\n')
    done = host.here.run("batch", str(batch))
    assert done.returncode == 2
    assert f"has projects of several hosts: {NAME}, local" in done.stderr
    assert "Split it" in done.stderr


def test_search_stats_and_spend_are_those_of_the_host(host: FarHost) -> None:
    job = json.loads(host.ok("dispatch", "--json", "overbits", "echo rhubarb"))["job"]
    host.ok("wait", job)
    assert job in host.ok("search", "rhubarb")
    assert "site" in host.ok("stats") or "overbits" in host.ok("stats")
    assert "overbits" in host.ok("spend", "--by", "project")


def test_hosts_and_their_projects_are_completed(host: FarHost) -> None:
    def complete(*words: str) -> str:
        return str(host.here.run("--complete", "bash", *words).stdout)

    assert NAME in complete("--host", "b")
    assert "local" in complete("--host", "")
    assert NAME in complete("--host=b")
    assert NAME in complete("hosts", "check", "")
    assert "site" in complete("si")
    job = json.loads(host.ok("dispatch", "--json", "overbits", "true"))["job"]
    host.ok("wait", job)
    assert job in complete("--host", NAME, "jobs", "")
    assert "overbits" in complete("--host", NAME, "jobs", "--project", "")
