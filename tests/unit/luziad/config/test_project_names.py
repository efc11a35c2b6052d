"""Which project a directory is: the one that is configured with the same real path, whatever its names are."""

from __future__ import annotations

import os
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luziad.config.project_names import ProjectNames
from luziad.config.schema import ProjectConfig

REAL = (
    "a/overb",
    "b/overb",
    "c/Overb",
    "a/overb/overb",
    "a/o verb",
    "b/o-verb",
    "n/ü각",
    "n/u\u0308각",
    "x",
    "y/x",
    "-x",
    "z/@x",
)
LINKS = {"l/overb": "a/overb", "l/web": "b/overb", "parent": "a", "l/x": "l/overb", "gone": "nowhere"}
PLACES = (*REAL, *LINKS, "parent/overb", "parent/overb/overb", "never")
NAMES = ("overb", "web", "Overb", "x", "o-verb")
WAYS = ("{}", "{}/", "{}//.", "{}/../{base}", "{}/./")


@pytest.fixture(scope="module", name="root")
def _root() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp()).resolve()
    yield root
    shutil.rmtree(root)


def lay_out(root: Path) -> None:
    """Make the directories and links again."""
    for each in root.iterdir():
        shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    for place in REAL:
        (root / place).mkdir(parents=True, exist_ok=True)
    for link, target in LINKS.items():
        (root / link).parent.mkdir(exist_ok=True)
        (root / link).symlink_to(root / target)


def spelled(place: Path, way: str) -> str:
    """A path of the place. `..` is written only where it leads back, which it does not behind a link."""
    if ".." in way and place.is_symlink():
        way = "{}"
    return way.format(place, base=place.name)


configured = st.dictionaries(st.sampled_from(NAMES), st.tuples(st.sampled_from(PLACES), st.sampled_from(WAYS)))
dispatches = st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(WAYS)), min_size=1, max_size=8)
changes = st.lists(st.tuples(st.sampled_from(("move", "delete", "link")), st.sampled_from(REAL)), max_size=2)


def projects(root: Path, table: dict[str, tuple[str, str]]) -> dict[str, ProjectConfig]:
    return {name: ProjectConfig(spelled(root / place, way)) for name, (place, way) in table.items()}


def change(root: Path, what: str, place: str) -> None:
    directory = root / place
    if directory.is_symlink() or not directory.is_dir():
        return
    if what == "delete":
        shutil.rmtree(directory)
        return
    moved = Path(tempfile.mkdtemp(dir=root)) / directory.name
    directory.rename(moved)
    if what == "link":
        directory.symlink_to(moved)


@given(configured, configured, dispatches, dispatches, changes)
@settings(max_examples=300, deadline=None)
def test_a_directory_has_settings_exactly_if_its_real_path_is_configured(
    root: Path,
    first: dict[str, tuple[str, str]],
    second: dict[str, tuple[str, str]],
    early: list[tuple[str, str]],
    late: list[tuple[str, str]],
    steps: list[tuple[str, str]],
) -> None:
    lay_out(root)
    names = ProjectNames(projects(root, first))
    records: list[tuple[str, str]] = []

    def check(table: dict[str, tuple[str, str]], found: list[tuple[str, str]]) -> None:
        by_path = projects(root, table)
        owners: dict[str, str] = {}
        for name, directory in found:
            real = os.path.realpath(directory)
            of_path = [each for each, project in by_path.items() if os.path.realpath(project.path) == real]
            if of_path:
                assert name in of_path  # a link, a trailing slash or `..` does not matter
            else:
                assert name not in by_path  # no directory takes a configured name
                assert owners.setdefault(name, real) == real  # two directories are two projects
                assert unicodedata.is_normalized("NFC", name)
                assert 0 < len(name) <= 64
                assert not set(name) & {"/", ":", " "}
                assert not name.startswith("-")  # it would be an option
                assert names.directory(unicodedata.normalize("NFD", name)) == real  # however it is typed
        for name, directory in found:  # one directory is one project, but for names that the user gave it
            assert names.name(directory, name) == name

    for place, way in early:
        directory = spelled(root / place, way)
        records.append((names.name(directory), directory))
    check(first, records)
    for what, place in steps:
        change(root, what, place)
    names.configure(projects(root, second))
    stored, records = records, []
    for known_as, directory in stored:
        records.append((names.name(directory, known_as), directory))
    check(second, records)
    for place, way in late:
        directory = spelled(root / place, way)
        records.append((names.name(directory), directory))
    check(second, records)
    restarted = ProjectNames(projects(root, second))
    again = [(restarted.name(directory, name), directory) for name, directory in records]
    assert again == records  # a name is kept over a restart
