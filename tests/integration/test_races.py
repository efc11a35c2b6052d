"""Races: the same task for several agents, each in its own worktree from the same commit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from integration.test_worktrees import Workshop, running_workshop
from support import eventually

AGENTS = """
[agents.quick]
command = ["/bin/sh", "-c", "{script}", "{task}"]
[agents.slow]
command = ["/bin/sh", "-c", "while test ! -e $HOME/go; do sleep 0.05; done; {script}", "{task}"]
[agents.bad]
command = ["/bin/sh", "-c", "echo x > broken; {script}", "{task}"]
"""


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    with running_workshop() as made:
        configure(made)
        yield made


def configure(workshop: Workshop, verify: str = "") -> None:
    text = workshop.daemon.config_file.read_text()
    if verify:
        text = text.replace("[projects.overbits]", f"[projects.overbits]\nverify = '{verify}'", 1)
    if "[agents.quick]" not in text:
        text += AGENTS.replace("{script}", r"printf %s \"$LUZIA_JOB_ID\" > made; git add made; git commit -qm made")
    workshop.daemon.config_file.write_text(text)
    assert workshop.daemon.run("daemon", "reload").returncode == 0


def race(workshop: Workshop, *words: str) -> dict[str, Any]:
    """The reply to the dispatch of a race."""
    done = workshop.luzia("race", "--json", "overbits", *words)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def shown(workshop: Workshop, name: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(workshop.luzia("races", "--json", name).stdout)
    return {"race": report["race"], **{each["agent"]: each for each in report["racers"]}}


def all_ended(workshop: Workshop, jobs: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {name: workshop.ended(job) for name, job in jobs.items()}


def test_all_racers_begin_at_the_same_commit_with_the_same_task(workshop: Workshop) -> None:
    started = race(workshop, "--agents", "quick,slow", "fix it")
    names = [f"race-{started['race']}-quick", f"race-{started['race']}-slow"]
    assert list(started["jobs"]) == names
    eventually(lambda: workshop.job(started["jobs"][names[1]])["worktree"], "the worktree of the second racer")
    quick = workshop.ended(started["jobs"][names[0]])
    workshop.project.write("later", "x\n")
    workshop.project.commit("later")
    (workshop.project.home / "go").touch()
    slow = workshop.ended(started["jobs"][names[1]])
    assert quick["task"] == slow["task"] == "fix it"
    assert quick["worktree"]["base"] == slow["worktree"]["base"]
    assert quick["worktree"]["path"] != slow["worktree"]["path"]
    assert quick["race"] == slow["race"] == {"id": started["race"]}
    assert quick["tags"] == {"race": started["race"]}
    assert quick["review"] == "wanted"


def test_a_racer_that_starts_later_begins_where_the_first_did(workshop: Workshop) -> None:
    first = {"project": "overbits", "task": "true", "name": "a", "worktree": True, "race": {"id": "r"}}
    jobs = workshop.ok(op="graph", jobs=[first, {**first, "name": "b", "hold": True}])["jobs"]
    base = workshop.ended(jobs["a"])["worktree"]["base"]
    workshop.project.write("later", "x\n")
    workshop.project.commit("later")
    workshop.ok(op="release", job=jobs["b"])
    assert workshop.ended(jobs["b"])["worktree"]["base"] == base


def test_racers_are_shown_beside_each_other(workshop: Workshop) -> None:
    configure(workshop, "test ! -e broken")
    started = race(workshop, "--agents", "quick,bad", "fix it")
    ended = all_ended(workshop, started["jobs"])
    checked = ended[f"race-{started['race']}-bad-verify"]
    assert checked["tags"] == {"race": started["race"], "verify": started["jobs"][f"race-{started['race']}-bad"]}
    report = shown(workshop, started["race"])
    assert report["race"] == shown(workshop, ended[f"race-{started['race']}-bad"]["id"])["race"] == started["race"]
    assert (report["quick"]["verified"], report["bad"]["verified"]) == (True, False)
    assert (report["quick"]["files"], report["quick"]["added"]) == (1, 1)
    assert (report["bad"]["files"], report["bad"]["added"]) == (2, 2)
    printed = workshop.luzia("races", started["race"]).stdout
    assert printed.startswith(f"Race {started['race']} in overbits: fix it\n")
    assert "1 file, +1 -0" in printed
    assert "luzia merge" in printed
    listed = workshop.luzia("races").stdout
    assert started["race"] in listed
    assert "to be decided" in listed
    eventually(
        lambda: workshop.project.git("worktree", "list").count("\n") == 2, "the end of the worktrees of the checks"
    )


def test_the_first_verified_racer_ends_the_others(workshop: Workshop) -> None:
    configure(workshop, "test ! -e broken")
    started = race(workshop, "--agents", "quick,slow,bad", "--first-verified", "fix it")
    ended = all_ended(workshop, started["jobs"])
    name = f"race-{started['race']}"
    assert ended[f"{name}-quick"]["state"] == ended[f"{name}-quick-verify"]["state"] == "completed"
    slow = ended[f"{name}-slow"]
    assert slow["state"] == "cancelled"
    assert f"the first of race {started['race']} that passed the verification" in slow["reason"]
    assert slow["worktree"] is not None
    assert ended[f"{name}-slow-verify"]["state"] in ("skipped", "cancelled")


def test_a_race_goes_on_after_the_daemon_was_killed(workshop: Workshop) -> None:
    configure(workshop, "test ! -e broken")
    started = race(workshop, "--agents", "slow,slow", "--first-verified", "fix it")
    workshop.daemon.kill()
    (workshop.project.home / "go").touch()
    workshop.daemon.start()
    ended = all_ended(workshop, started["jobs"])
    checks = [job for name, job in ended.items() if name.endswith("-verify")]
    assert "completed" in {job["state"] for job in checks}
    eventually(
        lambda: all(workshop.job(job["id"])["worktree"] is None for job in checks),
        "the end of the worktrees of the checks",
    )
    assert shown(workshop, started["race"])["race"] == started["race"]


def test_the_accepted_work_wins_and_the_rest_is_discarded_only_after_agreement(workshop: Workshop) -> None:
    started = race(workshop, "--agents", "quick,bad", "fix it")
    ended = all_ended(workshop, started["jobs"])
    winner, other = (ended[f"race-{started['race']}-{name}"]["id"] for name in ("quick", "bad"))
    kept = workshop.luzia("merge", "--commit", winner)
    assert kept.returncode == 0, kept.stderr
    assert f"The work of the other racers is kept. Discard it with: luzia discard {other}" in kept.stderr
    assert workshop.job(other)["worktree"] is not None
    assert workshop.luzia("merge", winner, "--yes").returncode == 0
    loser = workshop.job(other)
    assert (loser["worktree"], loser["review"]) == (None, "rejected")
    assert shown(workshop, started["race"])["quick"]["review"] == "accepted"
    assert workshop.luzia("restore-work", other).returncode == 0
    assert workshop.job(other)["worktree"] is not None
    assert f"won by race-{started['race']}-quick" in workshop.luzia("races").stdout


def test_a_race_with_a_mistake_dispatches_nothing(workshop: Workshop) -> None:
    def refused(*words: str) -> str:
        done = workshop.luzia("race", *words)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "at least two racers" in refused("overbits", "--agents", "quick", "fix it")
    assert "nobody" in refused("overbits", "--agents", "quick,nobody", "fix it")
    assert "no `verify` command" in refused("overbits", "--agents", "quick,bad", "--first-verified", "fix it")
    assert "requires a single agent" in refused("overbits", "--agents", "quick,bad", "--models", "x", "fix it")
    assert "not in a git repository" in refused("/", "--agents", "quick,bad", "fix it")
    assert "luzia: missing TASK" in refused("overbits", "--agents", "quick,bad")
    assert refused("nowhere", "--agents", "quick,bad", "fix it").count("project 'nowhere' not found") == 1
    none = workshop.luzia("races", "nothing").stderr
    assert none == "luzia: there is no race or job 'nothing'\n  `luzia races` lists the races.\n"
    assert workshop.ok(op="list")["jobs"] == []


def test_the_verification_is_that_of_the_project_and_not_of_a_directory_of_its_name(workshop: Workshop) -> None:
    configure(workshop, verify="test -e made")
    text = workshop.daemon.config_file.read_text()
    (workshop.daemon.root / "place" / "overbits").mkdir(parents=True)
    other = f"[projects.other]\npath = '{workshop.daemon.root}/place/overbits'\n"
    workshop.daemon.config_file.write_text(other + text)  # it is the first that is asked
    assert workshop.daemon.run("daemon", "reload").returncode == 0
    link = workshop.daemon.root / "link"
    link.symlink_to(workshop.project.root)
    for project in ("overbits", str(link), f"{link}/."):
        done = workshop.daemon.run(
            "race", "--json", project, "--agents", "quick,bad", "fix it", cwd=workshop.daemon.root / "place"
        )
        assert done.returncode == 0, done.stderr
        assert any(name.endswith("-verify") for name in json.loads(done.stdout)["jobs"]), project


def test_the_fields_of_a_race_are_checked(workshop: Workshop) -> None:
    def refused(**more: object) -> str:
        return workshop.error(op="dispatch", project="overbits", task="true", **more)

    assert refused(race={"id": "a b"}, worktree=True) == "bad_request"
    assert refused(race={"id": "a"}) == "bad_request"
    assert refused(race={"id": "a", "check": True}, worktree=True) == "bad_request"
    assert refused(race={"id": "a", "first": True}, worktree=True) == "bad_request"


def test_a_key_makes_one_race(workshop: Workshop) -> None:
    first = race(workshop, "--agents", "quick,bad", "--key", "nightly", "fix it")
    second = race(workshop, "--agents", "quick,bad", "--key", "nightly", "fix it")
    assert (first["jobs"], second["created"], second["race"]) == (second["jobs"], False, "nightly")


def test_the_statistics_tell_which_agent_wins(workshop: Workshop) -> None:
    started = race(workshop, "--agents", "quick,bad", "fix it")
    ended = all_ended(workshop, started["jobs"])
    winner = ended[f"race-{started['race']}-quick"]["id"]
    assert workshop.luzia("merge", winner, "--yes").returncode == 0
    rows = [json.loads(line) for line in workshop.luzia("stats", "--agents", "--json").stdout.splitlines()]
    found = {row["agent"]: (row["project"], row["races"], row["completed"], row["won"]) for row in rows}
    assert found == {"quick": ("overbits", 1, 1, 1), "bad": ("overbits", 1, 1, 0)}
    assert "quick" in workshop.luzia("stats", "--agents").stdout
    for job in ended.values():
        if job["worktree"] is not None:
            workshop.luzia("discard", "--yes", job["id"])
    for job in ended.values():
        removed = workshop.luzia("remove", job["id"])
        assert removed.returncode == 0, removed.stderr
    workshop.daemon.stop()
    workshop.daemon.start()
    for project in ([], ["--project", "overbits"], ["--project", f"{workshop.project.root}/."]):
        again = workshop.luzia("stats", "--agents", "--json", *project).stdout
        assert [json.loads(line) for line in again.splitlines()] == rows, project
