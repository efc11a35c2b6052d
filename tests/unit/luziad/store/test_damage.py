"""Whatever is done to the files of the store, luziad starts, knows every job that is left anywhere, and tells."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luzia_protocol.jobs import JobState

from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.jobs.view import describe_job
from luziad.journal.loading import find_newer_jobs, load
from luziad.store import repair, snapshots
from luziad.store.batch import Batch
from luziad.store.files import ENVIRONMENTS_NAME, SEQ_SUFFIX, STORE_NAME
from luziad.store.recovery import open_store
from luziad.store.sqlite import Store

WAL_NAME = f"{STORE_NAME}-wal"
SNAPSHOT = "a snapshot"
FILES = [STORE_NAME, WAL_NAME, ENVIRONMENTS_NAME, f"{ENVIRONMENTS_NAME}-wal", f"{STORE_NAME}{SEQ_SUFFIX}", SNAPSHOT]


class Start(NamedTuple):
    """What a start found: the jobs by id, the notices, the number of directories set aside."""

    jobs: dict[str, JobRecord]
    notices: list[str]
    asides: int
    least_seq: int


def record(n: int) -> JobRecord:
    spec = JobSpec(
        project="overbits", directory="/srv", agent="shell", created_at=float(n), task=f"task {n} " * 20, env_set=1
    )
    state = JobState.QUEUED if n % 3 else JobState.CANCELLED
    return JobRecord(n, f"0000{n:02d}-aaaa", spec, JobStatus(state=state, seq=n), durable=True)


ALL = {each.id: each for each in map(record, range(1, 31))}
IN_SNAPSHOT = [each.id for each in ALL.values() if each.n <= 10]
WITH_DIRECTORY = [each.id for each in ALL.values() if 10 < each.n <= 20]


def write(store: Store, numbers: range) -> None:
    for n in numbers:
        each = record(n)
        batch = Batch()
        batch.jobs[n] = (each.id, msgspec.json.encode(each.spec))
        batch.fates[n] = msgspec.json.encode(each.status)
        batch.events.append((n, b'{"seq":%d}' % n))
        batch.environments[1] = {"COLOUR": "green"}
        store.write(batch)


@pytest.fixture(scope="module", params=["killed", "stopped"])
def lived_in(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with thirty jobs: ten are in a snapshot, ten more have a directory, ten are in the store only.

    It is as a daemon leaves it that was stopped, or killed: then most of it stands in the write-ahead log.
    """
    place = tmp_path_factory.mktemp("state")
    store = Store(place)
    write(store, range(1, 11))
    snapshots.take(place)
    write(store, range(11, 31))
    for job in WITH_DIRECTORY:
        directory = place / "jobs" / job
        (directory / "1").mkdir(parents=True)
        view = describe_job(ALL[job], None)
        (directory / "status.json").write_bytes(msgspec.json.encode(view))
    if request.param == "stopped":
        store.close()
        return place
    killed = place.with_name(f"{place.name}-killed")
    shutil.copytree(place, killed)
    store.close()
    return killed


def start(place: Path) -> Start:
    opened = open_store(place, place / "jobs", load)
    table, _ = opened.loaded
    if opened.least_seq:
        for each in find_newer_jobs([str(place / "jobs")], table):
            if each.id not in table:
                table.add(each)
    opened.store.close()
    asides = len(list(place.glob("damaged-*")))
    return Start({each.id: each for each in table.newest_first()}, opened.notices, asides, opened.least_seq)


def damaged(lived_in: Path, place: Path, name: str, damage: Callable[[bytes], bytes]) -> Start:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(lived_in, place)
    (snapshot,) = snapshots.newest_first(place)
    file = snapshot if name == SNAPSHOT else place / name
    if file.exists():
        file.write_bytes(damage(file.read_bytes()))
    return start(place)


def check(found: Start, name: str) -> None:
    """What is promised of every start."""
    assert set(IN_SNAPSHOT) | set(WITH_DIRECTORY) <= set(found.jobs), found.notices
    for job, each in found.jobs.items():
        assert (each.spec.task, each.status.state) == (ALL[job].spec.task, ALL[job].status.state), job
    if set(found.jobs) != set(ALL):
        assert found.notices, "jobs are gone, and nobody was told"
        assert found.asides
    if name in (SNAPSHOT, ENVIRONMENTS_NAME, f"{ENVIRONMENTS_NAME}-wal"):
        assert set(found.jobs) == set(ALL), "the jobs themselves were not damaged"
    assert not found.least_seq or found.least_seq > len(ALL)


KINDS: dict[str, Callable[[bytes], bytes]] = {
    "zero length": lambda content: b"",
    "one byte": lambda content: content[:1],
    "a page": lambda content: content[:4096],
    "half": lambda content: content[: len(content) // 2],
    "cut at the end": lambda content: content[:-100],
    "zeros": lambda content: bytes(len(content)),
    "zeros at the beginning": lambda content: bytes(100) + content[100:],
    "garbage": lambda content: b"this is no database" * 500,
    "text changed": lambda content: content.replace(b"task 1", b"tusk 1").replace(b"0000", b"0100"),
    "garbage behind": lambda content: content + b"garbage" * 1000,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FILES)
def test_each_kind_of_damage_to_each_file_is_repaired_and_reported(
    lived_in: Path, tmp_path: Path, name: str, kind: str
) -> None:
    found = damaged(lived_in, tmp_path / "place", name, KINDS[kind])
    check(found, name)
    repair.finish(tmp_path / "place")
    retry = start(tmp_path / "place")
    assert set(retry.jobs) | set(WITH_DIRECTORY) >= set(found.jobs), "the next start finds it whole"
    assert not retry.least_seq


@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_damage_never_loses_what_is_left_and_is_never_silent(
    lived_in: Path, tmp_path: Path, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(FILES))

    def damage(content: bytes) -> bytes:
        changed = bytearray(content)
        for _ in range(data.draw(st.integers(1, 5))):
            if not changed:
                break
            at = data.draw(st.integers(0, len(changed) - 1))
            how = data.draw(st.sampled_from(("flip", "zero", "cut")))
            if how == "flip":
                changed[at] ^= 1 << data.draw(st.integers(0, 7))
            elif how == "zero":
                changed[at : at + 512] = bytes(len(changed[at : at + 512]))
            else:
                del changed[at:]
        return bytes(changed)

    check(damaged(lived_in, tmp_path / "place", name, damage), name)
