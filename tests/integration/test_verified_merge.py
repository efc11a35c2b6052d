"""Merges that are made only after the project's own verification of the merged files."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from integration.test_worktrees import Workshop, running_workshop
from support import DEADLINE_S, eventually

VERIFY = "cat README; test ! -e broken"


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    """One whose project has a verification."""
    with running_workshop() as made:
        configure(made, VERIFY)
        yield made


def configure(workshop: Workshop, verify: str) -> None:
    """Set the verification of the project."""
    lines = workshop.daemon.config_file.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("[projects.overbits]", "verify"))]
    table = ["[projects.overbits]", f"verify = '{verify}'"]
    workshop.daemon.config_file.write_text("\n".join([*table, *kept, ""]))
    assert workshop.daemon.run("daemon", "reload").returncode == 0


def verifications(workshop: Workshop, job: dict[str, Any]) -> list[dict[str, Any]]:
    """The jobs that have verified a merge of this one, the newest first."""
    found: list[dict[str, Any]] = workshop.ok(op="list", tags={"verify": job["id"]})["jobs"]
    return found


def test_a_merge_that_passes_is_made_and_leaves_nothing_else(workshop: Workshop) -> None:
    job = workshop.finished("echo more >> README; git commit -qam more")
    merged = workshop.luzia("merge", job["id"])
    assert merged.stdout.startswith(f"Merged luzia/{job['id']} into main: 1 commit")
    (verification,) = verifications(workshop, job)
    assert merged.stderr == f"Running `{VERIFY}` on the merged files: `luzia logs -f {verification['id']}`\n"
    assert (verification["state"], verification["worktree"]) == ("completed", None)
    assert workshop.luzia("logs", verification["id"]).stdout == "first\nmore\n"
    branches = workshop.project.git("branch", "--format=%(refname:short)").splitlines()
    assert branches == [f"luzia/{job['id']}", "main"]
    assert "already contains" in workshop.luzia("merge", job["id"]).stdout
    assert len(verifications(workshop, job)) == 1


def test_what_is_verified_is_the_merge_and_not_the_branch(workshop: Workshop) -> None:
    job = workshop.finished("echo x > file; git add file; git commit -qm file")
    workshop.project.write("broken", "by another merge\n")
    before = workshop.project.commit("broken")
    refused = workshop.luzia("merge", job["id"])
    (verification,) = verifications(workshop, job)
    assert refused.returncode == 4
    assert f"`{VERIFY}` failed on the merged files, in job {verification['id']}: " in refused.stderr
    assert "Nothing was changed." in refused.stderr
    assert (workshop.project.git("rev-parse", "main"), verification["worktree"]) == (before, None)
    assert not (workshop.project.root / "file").exists()
    assert workshop.luzia("merge", "--no-verify", job["id"]).returncode == 0
    assert (workshop.project.root / "file").exists()


def test_uncommitted_work_is_verified_before_anything_is_committed(workshop: Workshop) -> None:
    job = workshop.finished("echo x > broken")
    tree = workshop.project.at(job["worktree"]["path"])
    before = tree.git("status", "--porcelain"), tree.git("rev-parse", "HEAD", "main")
    assert workshop.luzia("merge", "--commit", job["id"]).returncode == 4
    assert (tree.git("status", "--porcelain"), tree.git("rev-parse", "HEAD", "main")) == before
    (tree.root / "broken").rename(tree.root / "whole")
    assert workshop.luzia("merge", "--commit", job["id"]).returncode == 0
    assert (workshop.project.root / "whole").exists()


def test_a_branch_that_moves_during_the_verification_is_not_moved_to_what_was_not_verified(workshop: Workshop) -> None:
    gate = workshop.project.root.parent / "gate"
    configure(workshop, f"touch {gate}.seen; while ! test -e {gate}; do sleep 0.01; done")
    job = workshop.finished("echo x > file; git add file; git commit -qm file")
    with workshop.daemon.start_command("merge", job["id"]) as merging:
        eventually(gate.with_name("gate.seen").exists, "a verification")
        workshop.project.write("other", "x\n")
        head = workshop.project.commit("other")
        gate.touch()
        _, stderr = merging.communicate(timeout=DEADLINE_S)
    assert (merging.returncode, "cannot fast-forward" in stderr) == (4, True)
    assert workshop.project.git("rev-parse", "main") == head


def test_an_interrupted_merge_ends_its_verification(workshop: Workshop) -> None:
    configure(workshop, "sleep 600")
    job = workshop.finished("echo x > file; git add file; git commit -qm file")
    with workshop.daemon.start_command("merge", job["id"]) as merging:
        eventually(lambda: [each["state"] for each in verifications(workshop, job)] == ["running"], "a verification")
        merging.send_signal(signal.SIGINT)
        merging.communicate(timeout=DEADLINE_S)
    (verification,) = verifications(workshop, job)
    assert (merging.returncode, verification["state"], verification["worktree"]) == (130, "cancelled", None)
    assert not (workshop.project.root / "file").exists()
