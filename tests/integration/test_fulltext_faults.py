"""The index of the search after crashes, damage and full disks: what it lacks is found again."""

from __future__ import annotations

import os
import sqlite3
import sys
from typing import Any

from small_disk import disk_daemon
from support import Connection, PrivateDaemon, dispatch, ended, eventually, private_daemon


def indexed(wire: Connection, words: str) -> list[str]:
    """What is found once everything is indexed."""

    def page() -> dict[str, Any] | None:
        found = wire.ok(op="search", words=words, limit=100)
        return found if found["complete"] and not found["pending"] and found["problem"] is None else None

    return [hit["job"] for hit in (eventually(page, "the end of the indexing") or {})["hits"]]


def test_a_daemon_that_is_killed_while_it_indexes_goes_on_after_its_start() -> None:
    with private_daemon() as daemon:
        with daemon.connect() as wire:
            jobs = [dispatch(wire, f"seq 30000; echo crash-needle {number}") for number in range(12)]
            ended(wire, *jobs)
            wire.send(op="search", words="crash-needle")  # begins the indexing
            eventually(lambda: size_of(daemon), "the file of the index")
        for _ in range(3):
            daemon.kill()
            daemon.start()
            with daemon.connect() as wire:
                wire.send(op="search", words="crash-needle")
                wire.receive()
        with daemon.connect() as wire:
            assert indexed(wire, "crash-needle") == jobs[::-1]
            removed = jobs.pop()
            wire.ok(op="remove", job=removed)
        daemon.kill()  # perhaps before the index knows of the removal
        daemon.start()
        with daemon.connect() as wire:
            assert indexed(wire, "crash-needle") == jobs[::-1]
            with sqlite3.connect(daemon.state / "search.db") as index:
                assert index.execute("SELECT count(*) FROM jobs").fetchone() == (len(jobs),)


def size_of(daemon: PrivateDaemon) -> int:
    file = daemon.state / "search.db"
    return file.stat().st_size if file.exists() else 0


def test_a_damaged_index_is_built_again_and_that_is_told() -> None:
    with private_daemon() as daemon:
        with daemon.connect() as wire:
            job = dispatch(wire, "echo damage-needle")
            ended(wire, job)
            assert indexed(wire, "damage") == [job]
        daemon.stop()
        for damage in (b"no database at all" * 100, b""):
            for suffix in ("-wal", "-shm"):
                (daemon.state / f"search.db{suffix}").unlink(missing_ok=True)
            (daemon.state / "search.db").write_bytes(damage)
            daemon.start()
            with daemon.connect() as wire:
                assert indexed(wire, "damage") == [job]
            daemon.stop()
        assert "search_index_damaged" in daemon.log.read_text()


def test_an_index_with_damage_in_the_middle_is_built_again() -> None:
    with private_daemon() as daemon:
        with daemon.connect() as wire:
            jobs = [dispatch(wire, f"seq 20000; echo middle-needle {number}") for number in range(4)]
            ended(wire, *jobs)
            assert indexed(wire, "middle-needle") == jobs[::-1]
        daemon.stop()
        file = daemon.state / "search.db"
        with open(file, "r+b") as data:
            for page in range(4, os.path.getsize(file) // 4096):
                data.seek(page * 4096)
                data.write(os.urandom(2048))
        daemon.start()
        with daemon.connect() as wire:
            found: list[str] = []

            def is_whole() -> bool:
                answer = wire.ask(op="search", words="middle-needle")
                if "ok" in answer:
                    found[:] = [hit["job"] for hit in answer["ok"]["hits"]]
                else:
                    assert answer["error"]["code"] == "storage_unavailable"
                    assert "search index" in answer["error"]["message"]
                return found == jobs[::-1]

            eventually(is_whole, "the index to be built again")


def test_the_index_is_rebuilt_on_request() -> None:
    with private_daemon() as daemon, daemon.connect() as wire:
        jobs = [dispatch(wire, f"echo rebuilt-needle {number}") for number in range(3)]
        ended(wire, *jobs)
        assert indexed(wire, "rebuilt-needle") == jobs[::-1]
        done = daemon.run("search", "--rebuild")
        assert (done.returncode, done.stdout) == (0, "Indexing 3 jobs. A search says how many are left.\n")
        assert indexed(wire, "rebuilt-needle") == jobs[::-1]


def test_a_full_disk_stops_the_index_and_no_job_and_it_goes_on_when_there_is_room() -> None:
    with disk_daemon(options="size=24m", jobs_only=False) as daemon, daemon.connect() as wire:
        first = dispatch(wire, "echo disk-needle")
        ended(wire, first)
        assert indexed(wire, "disk-needle") == [first]
        large = [dispatch(wire, f"seq {number}000 {number}999 | tr '\\n' ' '; echo disk-needle") for number in range(8)]
        ended(wire, *large)
        daemon.disk.fill(leave_bytes=64 * 1024)
        daemon.run("search", "--rebuild")
        answer = eventually(
            lambda: (
                (each := wire.ask(op="search", words="disk-needle"))
                and ("error" in each or each["ok"]["problem"])
                and each
            ),
            "the full disk to be told",
        )
        told = answer["error"]["message"] if "error" in answer else answer["ok"]["problem"]
        assert "search.db" in told
        daemon.disk.make_room()
        assert indexed(wire, "disk-needle") == [*large[::-1], first]


def test_a_full_disk_is_not_taken_for_a_damaged_index() -> None:
    with disk_daemon(options="size=24m") as daemon, daemon.connect() as wire:
        first = dispatch(wire, "echo room-needle")
        ended(wire, first)
        assert indexed(wire, "room-needle") == [first]
        number = (daemon.state / "search.db").stat().st_ino
        large = [
            dispatch(wire, "head -c 20000 /dev/urandom | base64 -w 8 | tr '\\n' ' '; echo room-needle")
            for _ in range(12)
        ]
        ended(wire, *large)
        daemon.disk.fill()

        def is_told() -> bool:
            answer = wire.ask(op="search", words="room-needle")
            return "error" in answer or answer["ok"]["problem"] is not None

        eventually(is_told, "the full disk to be told")
        daemon.disk.make_room()
        assert indexed(wire, "room-needle") == [*large[::-1], first]
        assert (daemon.state / "search.db").stat().st_ino == number
        assert "search_index_damaged" not in daemon.log.read_text()


def test_a_small_index_keeps_the_newest_jobs_and_says_so() -> None:
    with private_daemon("[daemon]\nmax_search_bytes = 400000\n") as daemon, daemon.connect() as wire:
        jobs = [dispatch(wire, f"seq {number}00000 {number}08000; echo small-needle") for number in range(1, 9)]
        ended(wire, *jobs)
        found = indexed(wire, "small-needle")
        page = wire.ok(op="search", words="small-needle")
        assert page["dropped"]
        assert 0 < len(found) < len(jobs)
        assert found == sorted(found, key=jobs.index, reverse=True)
        assert found[0] == jobs[-1]
        assert "max_search_bytes" in daemon.run("search", "small-needle").stderr
        eventually(lambda: used(daemon) < 2 * 400_000, "the bound of the file")


def used(daemon: PrivateDaemon) -> int:
    with sqlite3.connect(f"file:{daemon.state / 'search.db'}?mode=ro", uri=True) as index:
        pages, free, size = (
            index.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


def test_what_a_job_prints_to_hold_the_index_up_holds_nobody_up() -> None:
    """Combining characters in a row once took the daemon a minute, in which it answered nothing."""
    with private_daemon() as daemon, daemon.connect() as wire:
        marks = "import sys; sys.stdout.write('mark-needle a' + '\\u0301\\u0316' * 130_000)"
        job = wire.ok(op="dispatch", project="overbits", argv=[sys.executable, "-c", marks])["job"]
        ended(wire, job)
        assert indexed(wire, "mark-needle") == [job]
