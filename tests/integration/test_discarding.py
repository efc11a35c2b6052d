"""Work of jobs is discarded by a person's decision, and can be restored for some time, over a real daemon."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.test_worktrees import Workshop, running_workshop
from support import DEADLINE_S, MAIN, eventually

WORK = "echo c > committed; git add -A; git commit -qm work; echo u > uncommitted; echo more >> README"


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    """A running one."""
    with running_workshop() as made:
        yield made


def references(workshop: Workshop) -> str:
    return workshop.project.git("for-each-ref", "--format=%(refname)", "refs/luzia", "refs/heads/luzia")


def set_grace(workshop: Workshop, seconds: float) -> None:
    text = workshop.daemon.config_file.read_text()
    workshop.daemon.config_file.write_text(f"[daemon]\ndiscard_grace_s = {seconds}\n{text}")
    workshop.ok(op="reload")


def test_work_is_discarded_and_restored_as_it_was(workshop: Workshop) -> None:
    job = workshop.finished(WORK)
    name, path = job["id"], job["worktree"]["path"]
    before = workshop.project.at(path).picture()
    said = workshop.luzia("discard", "--yes", name)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith(f"{name}  discarded; until 20")
    assert said.stdout.endswith(" `luzia restore-work` restores it\n")
    assert not Path(path).exists()
    assert references(workshop) == f"refs/luzia/discarded/{name}"
    assert workshop.job(name)["worktree"] is None
    shown = workshop.luzia("jobs", name).stdout
    assert "Discarded:     kept until 20" in shown
    assert f"  luzia restore-work {name}\n" in shown
    for command in ("diff", "merge", "clean"):
        refused = workshop.luzia(command, name).stderr
        assert (
            refused == f"luzia: the work of job {name} was discarded\n  Restore it with `luzia restore-work {name}`.\n"
        )
    assert workshop.luzia("restore-work", name).stdout == f"{name}  restored: {path}, on luzia/{name}\n"
    assert references(workshop) == f"refs/heads/luzia/{name}"
    assert workshop.project.at(path).picture() == before
    assert workshop.job(name)["worktree"] == job["worktree"]
    assert workshop.job(name)["discarded"] is None
    assert workshop.luzia("merge", "--commit", name).returncode == 0


def test_a_discard_asks_on_a_terminal_and_wants_yes_elsewhere(workshop: Workshop) -> None:
    name = workshop.finished(WORK)["id"]
    said = workshop.luzia("discard", name)
    assert (said.returncode, said.stderr.splitlines()) == (
        2,
        [f"luzia: this would discard the work of {name}: 3 changed files", "  Pass --yes to confirm."],
    )
    for typed, status in (("n", 2), ("y", 0)):
        ours, theirs = pty.openpty()
        command = [sys.executable, "-c", MAIN, "discard", name]
        environment = workshop.daemon.env
        with subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            shown = b""
            while b"[y/N]" not in shown:
                shown += os.read(ours, 4096)
            assert f"Discard the work of {name}: 3 changed files? [y/N]" in shown.decode()
            os.write(ours, typed.encode() + b"\n")
            assert process.wait(DEADLINE_S) == status
            os.close(ours)
    assert references(workshop) == f"refs/luzia/discarded/{name}"


def test_json_has_the_commit_that_keeps_the_work_and_the_restored_worktree(workshop: Workshop) -> None:
    job = workshop.finished(WORK)
    result: dict[str, Any] = json.loads(workshop.luzia("discard", "--yes", "--json", job["id"]).stdout)
    assert (result["job"], result["path"]) == (job["id"], job["worktree"]["path"])
    assert workshop.project.git("rev-parse", f"refs/luzia/discarded/{job['id']}") == result["commit"]
    assert workshop.job(job["id"])["discarded"]["kept_until"] == result["kept_until"]
    result = json.loads(workshop.luzia("restore-work", "--json", job["id"]).stdout)
    assert result == {"job": job["id"], "worktree": job["worktree"]}


def test_refusals_are_told_for_each_job_and_change_nothing(workshop: Workshop) -> None:
    good, bad = workshop.finished(WORK), workshop.finished("git init -q inner; echo x > inner/x")
    without = workshop.finished("true", worktree=False)["id"]
    said = workshop.luzia("discard", "--yes", bad["id"], without, good["id"])
    assert said.returncode == 4
    assert f"the work of job {bad['id']} cannot be discarded: inner is a repository of its own" in said.stderr
    assert f"Correct what the message names, then run `luzia discard {bad['id']}` again." in said.stderr
    assert f"job {without} has no worktree" in said.stderr
    assert Path(bad["worktree"]["path"], "inner", "x").exists()
    assert references(workshop).splitlines() == [
        f"refs/heads/luzia/{bad['id']}",
        f"refs/luzia/discarded/{good['id']}",
    ]
    assert workshop.error(op="restore_work", job=bad["id"]) == "nothing_discarded"
    assert workshop.error(op="discard", job=good["id"]) == "no_worktree"


def test_a_retry_after_a_discard_begins_anew_and_what_was_discarded_is_kept(workshop: Workshop) -> None:
    name = workshop.finished("ls; echo w > work; exit 1")["id"]
    workshop.ok(op="discard", job=name)
    workshop.ok(op="retry", job=name)
    again = workshop.ended(name)
    assert "work" not in workshop.luzia("logs", name).stdout.split()
    assert workshop.error(op="restore_work", job=name) == "worktree_kept"
    assert Path(again["worktree"]["path"], "work").exists()
    workshop.ok(op="discard", job=name)
    assert workshop.ok(op="restore_work", job=name)["worktree"] == again["worktree"]


def test_discarded_work_is_deleted_after_its_time_and_then_the_job_may_be_removed(workshop: Workshop) -> None:
    kept = workshop.finished(WORK)["id"]
    workshop.ok(op="discard", job=kept)
    set_grace(workshop, 0.01)
    name = workshop.finished(WORK)["id"]
    workshop.ok(op="discard", job=name)
    eventually(lambda: workshop.job(name)["discarded"] is None, "the end of the grace")
    assert references(workshop) == f"refs/luzia/discarded/{kept}"
    assert workshop.error(op="restore_work", job=name) == "nothing_discarded"


def test_a_restart_keeps_discarded_work_for_its_time(workshop: Workshop) -> None:
    name = workshop.finished(WORK)["id"]
    workshop.ok(op="discard", job=name)
    workshop.daemon.kill()
    workshop.daemon.start()
    assert workshop.ok(op="restore_work", job=name)["job"] == name
    set_grace(workshop, 2)
    workshop.ok(op="discard", job=name)
    workshop.daemon.kill()
    workshop.daemon.start()
    eventually(lambda: workshop.job(name)["discarded"] is None, "the end of the grace")
    assert references(workshop) == ""


def test_a_job_with_discarded_work_is_removed_on_request_only_and_its_work_with_it(workshop: Workshop) -> None:
    name = workshop.finished(WORK)["id"]
    workshop.ok(op="discard", job=name)
    workshop.daemon.stop()
    workshop.daemon.env["LUZIA_MAX_JOBS"] = "1"
    workshop.daemon.start()
    for _ in range(3):
        workshop.finished("true", worktree=False)
    assert workshop.job(name)["discarded"]
    workshop.ok(op="remove", job=name)
    eventually(lambda: references(workshop) == "", "the copy to be deleted")
