"""A worktree that this user may not see, as that of another user's daemon, is not taken for deleted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_protocol.jobs import Worktree

from luzia_client.trees import WorktreeError, has_directory
from luzia_client.trees.content import read_content

NOBODY = 65534


@pytest.fixture
def hidden(tmp_path: Path) -> Iterator[Worktree]:
    """A worktree below a directory that this process may not enter."""
    place = tmp_path / "trees" / "job"
    place.mkdir(parents=True)
    place.parent.chmod(0)
    uid = os.geteuid()
    if uid == 0:
        os.seteuid(NOBODY)
    try:
        yield Worktree(str(place), str(place), "luzia/job", "0" * 40, "main", str(tmp_path))
    finally:
        os.seteuid(uid)
        place.parent.chmod(0o700)


def test_it_is_an_error_that_names_who_may_see_it(hidden: Worktree) -> None:
    with pytest.raises(WorktreeError, match="is not accessible to you") as raised:
        has_directory(hidden)
    assert "sudo -u luzia -H luzia" in raised.value.hint


def test_its_content_is_not_that_of_its_branch(hidden: Worktree) -> None:
    with pytest.raises(WorktreeError, match="is not accessible to you"):
        read_content(hidden)


def test_a_deleted_worktree_has_no_directory(tmp_path: Path) -> None:
    gone = Worktree(str(tmp_path / "gone"), "", "luzia/job", "0" * 40, "main", str(tmp_path))
    assert not has_directory(gone)
