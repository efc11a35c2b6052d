"""`luzia follow`: the output of many jobs between each other, as real commands with a real daemon."""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_protocol.jobs import JobState

from luzia_client.api.client import Client
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until
from terminal import terminal

NUMBERS = 'n=0; until [ -e go ]; do n=$((n+1)); echo "{name} $n"; sleep 0.005; done; printf "the end"'


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        luzia.client()
        yield luzia


def asking(luzia: PrivateLuzia) -> Client:
    """A client of the daemon that runs."""
    return Client(luzia.socket, autostart=False)


def shell(luzia: PrivateLuzia, command: str, **tags: str) -> str:
    """Dispatch a shell command; returns the job's id."""
    return asking(luzia).dispatch(luzia.project, command, agent="shell", tags=tags).job


def ended(luzia: PrivateLuzia, command: str) -> str:
    job = shell(luzia, command)
    asking(luzia).wait([job], DEADLINE_S)
    return job


def waits(name: str = "go") -> str:
    """A shell command that waits for a file in the project."""
    return f"until [ -e {name} ]; do sleep 0.02; done"


def go(luzia: PrivateLuzia, name: str = "go") -> None:
    Path(luzia.project, name).touch()


def by_job(text: str) -> dict[str, list[str]]:
    """The lines of each job, without their prefixes."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        prefix, _, rest = line.partition(" | ")
        found[prefix.split()[1]].append(rest)
    return found


def into(luzia: PrivateLuzia, path: Path, *words: str) -> subprocess.Popen[bytes]:
    with path.open("wb") as output:
        return luzia.start("follow", *words, stdout=output.fileno())


def grows(path: Path, by: int) -> None:
    """Wait until the file has so many more lines."""
    before = path.read_bytes().count(b"\n")
    until(lambda: path.read_bytes().count(b"\n") >= before + by, f"{by} more lines in {path.name}")


def test_it_replays_the_last_lines_and_ends_with_the_worst_outcome(luzia: PrivateLuzia) -> None:
    good, bad = ended(luzia, "seq 30"), ended(luzia, "echo oops; printf 'no newline'; exit 3")
    result = luzia.run("follow", good[-4:], bad, good)
    assert result.returncode == 1
    assert by_job(result.stdout.decode()) == {good: [*map(str, range(21, 31))], bad: ["oops", "no newline"]}
    assert sorted(result.stderr.decode().splitlines()) == sorted(
        [f"project {good} | completed", f"project {bad} | failed: exit code 3"]
    )
    assert by_job(luzia.run("follow", "-n", "2", good).stdout.decode()) == {good: ["29", "30"]}
    assert len(luzia.run("follow", "-n", "all", good).stdout.splitlines()) == 30
    nothing = luzia.run("follow", "-n", "0", good)
    assert (nothing.returncode, nothing.stdout) == (0, b"")


@pytest.mark.parametrize("words", [(), ("a2f5", "--all"), ("a2f5", "--forever"), ("--all", "-n", "few")])
def test_what_makes_no_sense_is_refused(luzia: PrivateLuzia, words: tuple[str, ...]) -> None:
    assert luzia.run("follow", *words).returncode == 2


def test_lines_of_many_jobs_are_whole_and_exact_over_crashes_and_restarts(luzia: PrivateLuzia) -> None:
    jobs = {shell(luzia, NUMBERS.format(name=name)): name for name in ("one", "two")}
    plain, as_json = Path(luzia.root, "plain"), Path(luzia.root, "json")
    following = [into(luzia, plain, "-n", "all", *jobs), into(luzia, as_json, "-n", "all", "--json", *jobs)]
    grows(plain, 40)
    luzia.kill_daemon()
    assert luzia.run("daemon", "start").returncode == 0
    grows(plain, 40)
    assert luzia.run("daemon", "restart").returncode == 0
    grows(plain, 40)
    go(luzia)
    assert [command.wait(DEADLINE_S) for command in following] == [0, 0]
    lines = by_job(plain.read_text())
    texts: dict[str, str] = defaultdict(str)
    states = {}
    for item in map(json.loads, as_json.read_text().splitlines()):
        texts[item["job"]] += item.get("data", "")
        states[item["job"]] = item.get("state")
    for job, name in jobs.items():
        written = Path(luzia.root, "state", "jobs", job, "1", "stdout").read_text()
        assert lines[job] == written.splitlines()
        assert lines[job][-2].startswith(name)
        assert texts[job] == written
        assert states[job] == "completed"


def test_a_selection_takes_in_jobs_that_come_and_ends_when_none_is_left(luzia: PrivateLuzia) -> None:
    first = shell(luzia, f"{waits('first')}; echo first", kind="nightly")
    other = shell(luzia, f"{waits('first')}; echo other")
    seen, tagged = Path(luzia.root, "seen"), Path(luzia.root, "tagged")
    all_of_them = into(luzia, seen, "--all")
    those = into(luzia, tagged, "--tag", "kind=nightly")
    until(lambda: asking(luzia).get_info().subscribers >= 2, "both listen")
    second = shell(luzia, f"{waits('second')}; echo second; exit 3", kind="nightly")
    never = shell(luzia, f"{waits('second')}; echo unseen", kind="daily")
    go(luzia, "first")
    until(lambda: "other" in seen.read_text(), "the first ones")
    until(lambda: asking(luzia).get_job(never).state is JobState.RUNNING, "the last one runs")
    go(luzia, "second")
    assert (all_of_them.wait(DEADLINE_S), those.wait(DEADLINE_S)) == (1, 1)
    assert by_job(seen.read_text()) == {first: ["first"], other: ["other"], second: ["second"], never: ["unseen"]}
    assert by_job(tagged.read_text()) == {first: ["first"], second: ["second"]}
    nothing = luzia.run("follow", "--all")
    assert (nothing.returncode, nothing.stdout) == (0, b"")
    assert b"no jobs are running" in nothing.stderr


def test_it_goes_on_over_attempts_and_tells_jobs_that_never_ran(luzia: PrivateLuzia) -> None:
    job = (
        asking(luzia)
        .dispatch(
            luzia.project, f"{waits()}; echo try $LUZIA_ATTEMPT; exit 3", agent="shell", retries=1, backoff_s=[0.01]
        )
        .job
    )
    held = asking(luzia).dispatch(luzia.project, "true", agent="shell", hold=True).job
    following = luzia.start("follow", job, held)
    until(lambda: asking(luzia).get_info().subscribers, "it listens")
    go(luzia)
    asking(luzia).wait([job], DEADLINE_S)
    asking(luzia).cancel(held)
    said, notes = following.communicate(timeout=DEADLINE_S)
    assert following.returncode == 1
    assert by_job(said.decode()) == {job: ["try 1", "try 2"]}
    told = by_job(notes.decode())
    assert told[job] == ["attempt 2", "failed: exit code 3, after 2 attempts"]
    assert told[held] == ["cancelled before it started"]
    ends = [json.loads(line) for line in luzia.run("follow", "--json", held).stdout.splitlines()]
    assert ends == [{"job": held, "attempt": 0, "offset": 0, "state": "cancelled"}]


def test_more_jobs_than_a_connection_may_follow_are_followed_one_after_another(luzia: PrivateLuzia) -> None:
    jobs = [shell(luzia, f"echo job {number}") for number in range(70)]
    asking(luzia).wait(jobs, DEADLINE_S)
    lines = by_job(luzia.run("follow", *jobs).stdout.decode())
    assert lines == {job: [f"job {number}"] for number, job in enumerate(jobs)}


def test_an_unfinished_line_waits_for_its_end(luzia: PrivateLuzia) -> None:
    half = shell(luzia, f"printf 'half '; touch half; {waits()}; echo a line; printf rest")
    whole = shell(luzia, f"until [ -e half ]; do sleep 0.02; done; echo whole; {waits()}")
    seen = Path(luzia.root, "seen")
    following = into(luzia, seen, half, whole)
    until(lambda: "whole" in seen.read_text(), "the other job's line")
    assert "half" not in seen.read_text()
    go(luzia)
    assert following.wait(DEADLINE_S) == 0
    assert by_job(seen.read_text()) == {whole: ["whole"], half: ["half a line", "rest"]}


def test_a_reader_that_does_not_read_holds_up_nobody_and_costs_no_memory(luzia: PrivateLuzia) -> None:
    job = shell(luzia, "head -c 30000000 /dev/zero | tr '\\0' x | fold -w 999")
    following = luzia.start("follow", "-n", "all", job)
    assert following.stdout is not None
    first = os.read(following.stdout.fileno(), 1000)
    assert asking(luzia).wait([job], DEADLINE_S).jobs[0].state is JobState.COMPLETED
    status = Path(f"/proc/{following.pid}/status").read_text()
    (peak,) = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
    assert peak < 60_000, f"{peak} kB"
    rest, _ = following.communicate(timeout=DEADLINE_S)
    assert following.returncode == 0
    assert (first + rest).count(b"x") == 30_000_000


def test_raw_bytes_are_for_files_and_colours_for_terminals_and_nothing_steers_one(luzia: PrivateLuzia) -> None:
    job = ended(luzia, r"printf '\033[31mred\033[0m \033[2Jclear\377\n10%%\r20%%\n'")
    assert luzia.run("follow", job).stdout == f"project {job} | red ^[[2Jclear�\nproject {job} | 20%\n".encode()
    raw = luzia.run("follow", "--raw", job).stdout
    assert raw.splitlines(keepends=True)[0] == f"project {job} | ".encode() + b"\x1b[31mred\x1b[0m \x1b[2Jclear\xff\n"
    colours = set()
    for words in (("follow", job), ("follow", "--raw", job)):
        with terminal(luzia.command(*words), luzia.env, luzia.project) as screen:
            assert screen.ended() == 0
            assert b"\x1b[2J" not in screen.raw
            assert screen.lines[0] == f"project {job} | red ^[[2Jclear�"
            assert screen.lines[2] == f"project {job} | completed"
            assert screen.styles_of("red") == {("red", False)}
            colours |= screen.styles_of("project")
    assert len(colours) == 1
    plain = {**luzia.env, "NO_COLOR": "1"}
    with terminal(luzia.command("follow", job), plain, luzia.project) as screen:
        assert screen.ended() == 0
        assert b"\x1b" not in screen.raw


def test_ctrl_c_ends_it_and_not_the_jobs(luzia: PrivateLuzia) -> None:
    job = shell(luzia, f"echo begun; {waits()}")
    with terminal(luzia.command("follow", "--all", "--forever"), luzia.env, luzia.project) as screen:
        screen.shows("begun")
        screen.press("ctrl-c")
        assert screen.ended() == 130
        assert screen.is_as_before()
    assert asking(luzia).get_job(job).state is JobState.RUNNING


def test_whoever_reads_may_go_away(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "seq 100000")
    following = luzia.start("follow", "-n", "all", job)
    assert following.stdout is not None
    following.stdout.close()
    assert following.wait(DEADLINE_S) == 141
