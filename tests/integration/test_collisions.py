"""Jobs that change the same files, and the order in which their work can be merged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from integration.test_worktrees import Workshop, running_workshop
from support import eventually

TEN_LINES = "".join(f"{number}\n" for number in range(10))


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    with running_workshop() as made:
        made.project.write("app", TEN_LINES)
        made.project.commit("app")
        yield made


def collisions(workshop: Workshop) -> list[dict[str, Any]]:
    done = workshop.luzia("collisions", "--json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["collisions"]
    return found


def test_a_running_job_that_changes_the_same_line_is_shown_with_the_conflict(workshop: Workshop) -> None:
    first = workshop.finished("sed -i s/0/first/ app; git commit -qam first")["id"]
    assert collisions(workshop) == []
    gate = workshop.project.home / "go"
    second = workshop.ok(
        op="dispatch",
        project="overbits",
        task=f"sed -i s/0/second/ app; echo x > new; while test ! -e {gate}; do sleep 0.05; done",
        worktree=True,
    )["job"]
    eventually(lambda: collisions(workshop), "the collision")
    (found,) = collisions(workshop)
    assert (found["jobs"], found["files"], found["conflicts"]) == ([first, second], ["app"], ["app"])
    assert f"{first} (completed) and {second} (running) conflict: app" in workshop.luzia("collisions").stdout
    gate.touch()
    workshop.ended(second)


def test_the_same_file_is_not_a_conflict_if_git_can_merge_it(workshop: Workshop) -> None:
    first = workshop.finished("sed -i s/0/first/ app")["id"]
    second = workshop.finished("sed -i s/9/second/ app")["id"]
    before = workshop.project.git("count-objects"), workshop.project.git("status", "--porcelain")
    (found,) = collisions(workshop)
    assert (found["jobs"], found["files"], found["conflicts"]) == ([first, second], ["app"], [])
    assert "without a conflict: app" in workshop.luzia("collisions").stdout
    assert (workshop.project.git("count-objects"), workshop.project.git("status", "--porcelain")) == before


def test_the_order_merges_as_much_as_possible_and_names_what_conflicts(workshop: Workshop) -> None:
    wide = workshop.finished("sed -i -e s/0/wide/ -e s/9/wide/ app")["id"]
    top = workshop.finished("sed -i s/0/top/ app")["id"]
    low = workshop.finished("sed -i s/9/low/ app; git commit -qam low")["id"]
    other = workshop.finished("echo x > other")["id"]
    done = workshop.luzia("merge-order", "overbits", "--json")
    assert done.returncode == 0, done.stderr
    merges = json.loads(done.stdout)["merges"]
    assert [each["job"] for each in merges] == [other, top, low, wide]
    assert merges[-1] == {"job": wide, "onto": "main", "conflicts": ["app"], "with_jobs": [top, low]}
    assert f"4. {wide}  conflicts with {top}, {low}: app" in workshop.luzia("merge-order").stdout
    for each in merges[:-1]:
        merged = workshop.luzia("merge", "--commit", each["job"])
        assert merged.returncode == 0, merged.stderr
    assert workshop.luzia("merge", "--commit", wide).returncode == 4


def test_work_that_conflicts_with_the_branch_itself_says_so(workshop: Workshop) -> None:
    job = workshop.finished("sed -i s/0/mine/ app")["id"]
    workshop.project.write("app", TEN_LINES.replace("0", "theirs"))
    workshop.project.commit("theirs")
    assert f"1. {job}  conflicts with main: app" in workshop.luzia("merge-order").stdout


def test_a_worktree_that_is_gone_or_damaged_hides_no_other(workshop: Workshop) -> None:
    first = workshop.finished("sed -i s/0/first/ app; git commit -qam first")
    second = workshop.finished("sed -i s/0/second/ app; git commit -qam second")
    broken = workshop.finished("sed -i s/0/third/ app")
    (workshop.project.at(broken["worktree"]["path"]).root / ".git").write_text("nothing")
    shown = workshop.luzia("collisions")
    assert (shown.returncode, "Traceback" in shown.stderr) == (0, False)
    assert f"{first['id']} (completed) and {second['id']} (completed) conflict: app" in shown.stdout
    assert f"{broken['id']} was not compared" in shown.stderr
    unknown = workshop.luzia("collisions", "nowhere")
    assert (unknown.returncode, "nowhere" in unknown.stderr) == (4, True)


def working(workshop: Workshop, task: str) -> str:
    """A running job that has done the task, and waits for the file `go`."""
    gate = workshop.project.home / "go"
    task = f"{task}; while test ! -e {gate}; do sleep 0.05; done"
    job: str = workshop.ok(op="dispatch", project="overbits", task=task, worktree=True)["job"]
    return job


def known(workshop: Workshop, job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workshop.job(job).get("collisions", [])
    return found


def told(workshop: Workshop) -> list[dict[str, Any]]:
    """The events of new collisions until now."""
    marker = workshop.finished("true", worktree=False)["id"]
    found: list[dict[str, Any]] = []
    with workshop.daemon.connect() as wire:
        wire.ok(op="subscribe", after=0, kinds=["collision", "ended"])
        while (event := wire.receive()["event"])["job"] != marker:
            if event["kind"] == "collision" and not event.get("again"):
                found.append(event)
    return found


def test_running_jobs_that_change_the_same_lines_know_of_each_other_and_it_is_told_once(workshop: Workshop) -> None:
    first = working(workshop, "sed -i s/0/first/ app; git commit -qam first")
    second = working(workshop, "sed -i s/0/second/ app; echo x > new")
    eventually(lambda: known(workshop, first), "the collision")
    (of_first,), (of_second,) = known(workshop, first), known(workshop, second)
    assert of_first == {"job": second, "files": ["app"], "file_count": 1, "merges": False, "conflicts": ["app"]}
    assert of_second == of_first | {"job": first}
    (event,) = told(workshop)
    assert {event["job"], event["collision"]["job"]} == {first, second}
    workshop.daemon.kill()
    workshop.daemon.start()
    assert known(workshop, first) == [of_first]
    words = f"{second} changes the same files: app; git cannot merge app"
    assert words in workshop.luzia("jobs", first).stdout
    assert f"{first}\t{second}\n" in workshop.luzia("jobs", "--format", "id,collisions").stdout
    third = working(workshop, "sed -i s/9/third/ app")
    eventually(lambda: len(known(workshop, third)) == 2, "the collisions of the third job")
    assert {each["job"]: each["merges"] for each in known(workshop, third)} == {first: True, second: True}
    assert len(told(workshop)) == 3
    (workshop.project.home / "go").touch()
    for job in (first, second, third):
        workshop.ended(job)
    assert len(told(workshop)) == 3
    assert workshop.luzia("discard", "--yes", first).returncode == 0
    assert [each["job"] for each in known(workshop, second)] == [third]


def test_what_a_finished_job_has_left_counts_and_what_is_undone_does_not(workshop: Workshop) -> None:
    first = workshop.finished("sed -i s/0/first/ app")["id"]
    gate = workshop.project.home / "undo"
    task = f"echo second > app; while test ! -e {gate}; do sleep 0.05; done; git checkout -q app"
    second = workshop.ok(op="dispatch", project="overbits", task=task, worktree=True)["job"]
    eventually(lambda: known(workshop, first), "the collision with the finished job")
    gate.touch()
    workshop.ended(second)
    eventually(lambda: not known(workshop, first), "the end of the collision")
    assert known(workshop, second) == []


def test_racers_of_one_race_do_not_collide_with_each_other(workshop: Workshop) -> None:
    gate = workshop.project.home / "go"
    task = f"echo $$ > app; while test ! -e {gate}; do sleep 0.05; done"
    racing = {"project": "overbits", "task": task, "worktree": True, "race": {"id": "r1"}}
    racers = workshop.ok(op="graph", jobs=[{**racing, "name": name} for name in ("one", "two")])["jobs"].values()
    other = working(workshop, "echo other > app")
    eventually(lambda: len(known(workshop, other)) == 2, "the collisions with both racers")
    assert [[each["job"] for each in known(workshop, racer)] for racer in racers] == [[other], [other]]
    assert {tuple(sorted(each["jobs"])) for each in collisions(workshop)} == {
        tuple(sorted((racer, other))) for racer in racers
    }
    gate.touch()
