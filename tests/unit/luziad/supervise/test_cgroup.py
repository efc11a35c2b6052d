"""The cgroups that shims make."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from luziad.supervise import cgroup, tree

BASE = cgroup.find_base()
pytestmark = pytest.mark.skipif(BASE is None, reason="no cgroup v2 can be written here")


def test_a_sweep_deletes_what_dead_shims_left_and_nothing_of_the_living() -> None:
    assert BASE is not None
    # A process id belongs to one process at a time, so that another start time tells a dead one.
    dead = Path(BASE, cgroup.name_of(os.getpid(), 1))
    alive = Path(BASE, cgroup.name_of(os.getpid(), tree.start_time(os.getpid())))
    dead.mkdir()
    alive.mkdir()
    try:
        cgroup.sweep(BASE)
        assert not dead.exists()
        assert alive.exists()
    finally:
        cgroup.remove(str(dead))
        cgroup.remove(str(alive))


def test_looking_for_a_place_leaves_nothing_there() -> None:
    assert BASE is not None
    assert cgroup.find_base() == BASE
    assert not [name for name in os.listdir(BASE) if name.endswith(f"-{os.getpid()}")]
