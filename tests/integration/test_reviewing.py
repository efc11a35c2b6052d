"""Finished work is listed, accepted in part, sent back with comments, and verified, over a real daemon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.test_verified_merge import configure, verifications
from integration.test_worktrees import Workshop, running_workshop
from luzia_client.api.client import Client
from luzia_client.review.decisions import accept
from luzia_client.review.finished import iter_finished, verify_work
from luzia_client.trees import WorktreeError
from luzia_client.trees.selection import Selection

EDIT = "sed -i -e '2s/$/ two/' -e '30s/$/ thirty/' README; echo new > new"


@pytest.fixture
def workshop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """A running one, with a file of 40 lines; git runs here with its account."""
    with running_workshop() as made:
        monkeypatch.setenv("HOME", made.daemon.env["HOME"])
        made.project.write("README", "".join(f"{number}\n" for number in range(1, 41)))
        made.project.commit("lines")
        yield made


@pytest.fixture
def client(workshop: Workshop) -> Iterator[Client]:
    with Client(str(workshop.daemon.socket), autostart=False) as made:
        yield made


def test_finished_work_is_listed_oldest_first_until_it_is_decided(workshop: Workshop, client: Client) -> None:
    workshop.finished("true")
    first, second = workshop.finished(EDIT), workshop.finished("echo x > other; exit 1")
    works = list(iter_finished(client))
    assert [(work.job.id, work.job.state) for work in works] == [(first["id"], "completed"), (second["id"], "failed")]
    assert [(file.path, file.insertions, file.deletions) for file in works[0].files] == [
        ("README", 2, 2),
        ("new", 1, 0),
    ]
    assert (works[0].insertions, works[0].deletions, works[0].conflicts, works[0].verification) == (3, 2, [], None)
    client.discard(second["id"])
    accept(client, client.get_job(first["id"]))
    assert list(iter_finished(client)) == []
    assert (workshop.project.root / "new").read_text() == "new\n"


def test_a_part_is_accepted_after_its_verification_and_the_rest_later(workshop: Workshop, client: Client) -> None:
    configure(workshop, "grep -q two README && ! grep -q thirty README || test -e new")
    job = client.get_job(workshop.finished(EDIT)["id"])
    merged = accept(client, job, Selection(hunks={"README": frozenset({1})}))
    assert (merged.commits, merged.files_left) == (1, 2)
    assert (workshop.project.root / "README").read_text().splitlines()[1:30:28] == ["2 two", "30"]
    head = workshop.project.git("rev-parse", "main")
    with pytest.raises(WorktreeError, match="failed on the merged files"):
        accept(client, job, Selection(files=frozenset({"README"})))
    assert workshop.project.git("rev-parse", "main") == head
    (work,) = iter_finished(client)
    assert [file.path for file in work.files] == ["README", "new"]
    assert work.verification is not None
    assert (work.verification.result, work.verification.is_current) == ("failed", False)
    assert accept(client, job).files_left == 0
    assert list(iter_finished(client)) == []
    assert client.clean_worktree(job).removed


def test_a_verification_before_the_decision_is_current_until_something_changes(
    workshop: Workshop, client: Client
) -> None:
    configure(workshop, "grep thirty README")
    job = client.get_job(workshop.finished(EDIT)["id"])
    before = workshop.project.git("rev-parse", "main")
    started: list[str] = []
    done = verify_work(client, job, started.append)
    assert done is not None
    assert ([done.id], done.state) == (started, "completed")
    assert (workshop.project.git("rev-parse", "main"), client.get_job(done.id).worktree) == (before, None)

    def verification() -> tuple[str, bool]:
        (work,) = iter_finished(client)
        assert work.verification is not None
        return work.verification.result, work.verification.is_current

    assert verification() == ("passed", True)
    workshop.project.write("other", "x\n")
    workshop.project.commit("other")
    assert verification() == ("passed", False)
    verify_work(client, job)
    assert verification() == ("passed", True)
    tree: dict[str, Any] = workshop.job(job.id)["worktree"]
    Path(tree["path"], "new").write_text("newer\n")
    assert verification() == ("passed", False)
    assert len(verifications(workshop, {"id": job.id})) == 2


def test_work_that_conflicts_says_with_which_files(workshop: Workshop, client: Client) -> None:
    job = workshop.finished(EDIT)
    workshop.project.write("README", "theirs\n")
    workshop.project.commit("theirs")
    (work,) = iter_finished(client, projects=["overbits"])
    assert (work.job.id, work.conflicts) == (job["id"], ["README"])
