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
