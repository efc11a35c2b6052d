"""A project is its real path: whatever a directory is called, it has the settings of its own configuration or none."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_client.api.async_caller import AsyncCaller
from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.legacy.dispatcher import ResponseiveDispatcher
from luzia_client.mcp.hub.session import Introduction, Session
from support import Connection, PrivateDaemon, end_states, eventually, private_daemon, status

SECRET = 'agent = "shell"\nenv = { SECRET = "s3cret" }\nmax_running = 1\ntimeout_s = 1000.0\nmax_turns = 7\n'


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon('[projects.site]\npath = "{root}/a/site"\n' + SECRET) as running:
        yield running


@pytest.fixture(name="root")
def _root(daemon: PrivateDaemon) -> Path:
    root = Path(daemon.project).parent
    for each in ("a/site/site", "b/site", "c/site", "links"):
        (root / each).mkdir(parents=True)
    (root / "links" / "site").symlink_to(root / "a" / "site")
    (root / "links" / "parent").symlink_to(root / "a")
    return root


def dispatched(wire: Connection, path: Path | str, task: str = "echo $SECRET", **more: object) -> dict[str, object]:
    """The reply to a dispatch in a directory."""
    return wire.ok(op="dispatch", project=str(path), task=task, agent="shell", **more)


def output(wire: Connection, job: object) -> str:
    end_states(wire, str(job))
    return (Path(status(wire, str(job))["directory"]) / "1" / "stdout").read_text().strip()


def configure(daemon: PrivateDaemon, wire: Connection, old: str, new: str) -> None:
    """Change the configuration file, and reload it."""
    text = daemon.config_file.read_text()
    assert old in text
    daemon.config_file.write_text(text.replace(old, new))
    wire.ok(op="reload")


def test_a_directory_of_the_same_name_gets_nothing_of_the_configured_project(
    daemon: PrivateDaemon, wire: Connection, root: Path
) -> None:
    other = dispatched(wire, root / "b" / "site")
    third = dispatched(wire, root / "c" / "site")
    names = [str(each["project"]) for each in (other, third)]
    assert all(name.startswith("site-") for name in names), names
    assert len({*names, "site"}) == 3
    assert dispatched(wire, root / "b" / "site")["project"] == names[0]
    assert dispatched(wire, root / "a" / "site" / "site")["project"] not in (*names, "site"), "inside is not the same"
    for job in (other, third):
        assert output(wire, job["job"]) == ""
        assert status(wire, str(job["job"]))["budget"] is None
        assert status(wire, f"agent:{job['project']}:{job['job']}")["id"] == job["job"]


@pytest.mark.parametrize(
    "path", ["links/site", "links/parent/site", "a/site/", "b/../a/site", "links/parent/../a/site/."]
)
def test_every_path_of_the_configured_directory_is_the_project(wire: Connection, root: Path, path: str) -> None:
    job = dispatched(wire, f"{root}/{path}")
    assert job["project"] == "site"
    assert output(wire, job["job"]) == "s3cret"
    assert status(wire, str(job["job"]))["budget"] == {"max_cost_usd": None, "max_turns": 7, "cost_left_usd": None}


@pytest.mark.parametrize(
    "path", ["links/parent/../b/site", "links/site/../../b/site", "links/parent/site/../../b/site/", "a/../b/site"]
)
def test_a_path_with_dots_behind_a_link_leads_where_the_system_goes(
    daemon: PrivateDaemon, wire: Connection, root: Path, path: str
) -> None:
    place = str(root / "b" / "site")
    done = daemon.run("--agent", "shell", f"./{path}", "pwd", cwd=root)
    assert done.returncode == exit_codes.OK, done.stderr
    name, job = done.stdout.strip().split(":")[1:]
    assert output(wire, job) == place
    assert name == dispatched(wire, place)["project"]
    assert job in daemon.run("jobs", "--project", path, cwd=root).stdout
    (root / "batch").write_text(json.dumps({"project": path, "task": "pwd", "agent": "shell"}))
    of_batch = daemon.run("batch", "batch", cwd=root).stdout.strip()
    assert status(wire, of_batch)["project"] == name
    session = Session(Introduction("relay", directory=str(root)), AsyncCaller(daemon.socket, False, 0.0))
    assert dispatched(wire, session.project(path))["project"] == name


def test_a_directory_has_a_name_that_works_in_every_command_however_it_is_typed(
    daemon: PrivateDaemon, wire: Connection, root: Path
) -> None:
    for place, names in (
        ("b/@scope", ["scope"]),
        ("b/--all", ["all"]),
        ("b/cafe\u0301", ["caf\u00e9", "cafe\u0301"]),
        ("b/Tools", ["Tools"]),
    ):
        (root / place).mkdir()
        job = dispatched(wire, root / place)
        assert job["project"] == names[0]
        for name in names:
            assert str(job["job"]) in daemon.run("jobs", "--project", name).stdout
            again = daemon.run("--agent", "shell", name, "pwd")
            assert again.stdout.startswith(f"agent:{names[0]}:"), again.stderr
    assert "Did you mean Tools?" in daemon.run("jobs", "--project", "TOOLS").stderr


def test_a_command_for_a_project_leaves_other_directories_of_its_name_alone(
    daemon: PrivateDaemon, wire: Connection, root: Path
) -> None:
    waiting = "while [ ! -e go ]; do sleep 0.02; done"
    mine, theirs = (str(dispatched(wire, root / each / "site", waiting)["job"]) for each in "ab")
    for job in (mine, theirs):
        eventually(lambda job=job: status(wire, job)["state"] == "running", job)  # type: ignore[misc]
    for verb in ("pause", "resume"):
        assert theirs not in daemon.run(verb, "--project", "site", "--yes").stdout
    assert status(wire, theirs)["state"] == "running"
    assert daemon.run("cancel", "--project", "site", "--yes").returncode == exit_codes.OK
    assert end_states(wire, mine) == ["cancelled"]
    assert status(wire, theirs)["state"] == "running", "a limit of 1 does not hold it either"
    rows = {row["name"]: row for row in wire.ok(op="projects")["projects"]}
    assert (rows["site"]["running"], rows["site"]["queued"]) == (0, 0)
    assert daemon.run("cancel", "--project", f"{root}/b/site", "--yes").returncode == exit_codes.OK
    assert end_states(wire, theirs) == ["cancelled"]


def test_a_project_that_is_configured_later_does_not_take_over_jobs_and_pauses_of_another_directory(
    daemon: PrivateDaemon, wire: Connection, root: Path
) -> None:
    configure(daemon, wire, "[projects.site]", "[projects.web]")  # renamed: `site` is free
    first = dispatched(wire, root / "b" / "site", "sleep 1000")
    assert first["project"] == "site"
    running = str(first["job"])
    eventually(lambda: status(wire, running)["state"] == "running", running)
    wire.ok(op="pause_queue", project="site", running=False)
    queued = str(dispatched(wire, root / "b" / "site")["job"])
    configure(daemon, wire, "[projects.web]", "[projects.site]")
    name = status(wire, running)["project"]
    assert name.startswith("site-")
    own: list[str] = []
    for _ in range(2):
        with daemon.connect() as wire_:
            assert [*wire_.ok(op="info")["queues"]["projects"]] == [name]
            assert {job["id"] for job in wire_.ok(op="list", projects=["site"])["jobs"]} == set(own)
            assert {job["id"] for job in wire_.ok(op="list", projects=[name])["jobs"]} == {running, queued}
            assert status(wire_, f"agent:site:{running}")["id"] == running, "the printed name still works"
            assert status(wire_, queued)["state"] == "queued"
            own.append(str(dispatched(wire_, "site")["job"]))
            assert output(wire_, own[-1]) == "s3cret", "neither its pause nor its slot counts"
        daemon.kill()
        daemon.start()
    with daemon.connect() as wire_:
        wire_.ok(op="resume_queue", project=name)
        assert output(wire_, queued) == ""
        wire_.ok(op="cancel", job=running)


def test_a_directory_that_is_configured_later_is_the_project_and_one_that_moved_away_is_not(
    daemon: PrivateDaemon, wire: Connection, root: Path
) -> None:
    job = str(dispatched(wire, root / "b" / "site")["job"])
    assert output(wire, job) == ""
    configure(daemon, wire, f"{root}/a/site", f"{root}/b/site")
    assert status(wire, job)["project"] == "site"
    wire.ok(op="retry", job=job)
    assert end_states(wire, job) == ["completed"]
    record = status(wire, job)
    assert (Path(record["directory"]) / "2" / "stdout").read_text().strip() == "s3cret"
    assert dispatched(wire, root / "a" / "site")["project"] != "site"


def test_a_directory_with_jobs_is_found_by_the_name_that_lists_have(
    daemon: PrivateDaemon, wire: Connection, root: Path
) -> None:
    first = dispatched(wire, root / "b" / "site", "echo $LUZIA_PROJECT")
    name = output(wire, first["job"])
    assert name == first["project"]
    again = dispatched(wire, name, "pwd")
    assert again["project"] == name
    assert output(wire, again["job"]) == str(root / "b" / "site")
    configure(daemon, wire, "[projects.site]", f"[projects.{name}]")
    assert output(wire, dispatched(wire, name)["job"]) == "s3cret", "a configured name comes before it"
    assert output(wire, dispatched(wire, root / "b" / "site")["job"]) == ""


def test_an_unknown_project_is_refused_with_a_suggestion(
    daemon: PrivateDaemon, wire: Connection, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = dispatched(wire, root / "b" / "site")
    for words in (
        "jobs",
        "stats",
        "follow --all",
        "cancel --yes",
        "logs",
        "retry --yes",
        "pause",
        "hold --yes",
    ):
        for project in ("sitte", f"{root}/c/site"):
            refused = daemon.run(*shlex.split(words), "--project", project)
            assert refused.returncode == exit_codes.REFUSED, (words, refused)
            assert f"project '{project}' not found" in refused.stderr, words
            assert "Did you mean site" in refused.stderr or project != "sitte", words
    listed = daemon.run("jobs", "--json", "--project", str(other["project"]))
    assert [json.loads(line)["id"] for line in listed.stdout.splitlines()] == [other["job"]]
    assert daemon.run("jobs", "--project", "site").returncode == exit_codes.OK, "a project without jobs"
    assert [*Client(daemon.socket).iter_jobs(f"{root}/b/site/../site")]
    assert wire.error(op="subscribe", projects=["sitte"])["code"] == "unknown_project"
    for name in ("LUZIA_RUNTIME_DIR", "LUZIA_STATE_DIR", "LUZIA_CONFIG"):
        monkeypatch.setenv(name, daemon.env[name])
    assert ResponseiveDispatcher().list_jobs("sitte") == []
    assert [job["id"] for job in ResponseiveDispatcher().list_jobs(str(other["project"]))] == [other["job"]]
