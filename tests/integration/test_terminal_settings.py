"""[cli] in the configuration: how a dispatch is confirmed, when a list opens a pager, and the totals of the day."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import MAIN, PrivateDaemon, private_daemon
from terminal import terminal


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        yield running


def on_a_terminal(daemon: PrivateDaemon, *words: str, **env: str) -> list[str]:
    """What a command shows on a terminal of 120 columns, without empty lines."""
    argv = [sys.executable, "-c", MAIN, *words]
    with terminal(argv, daemon.env | env, str(daemon.root), columns=120) as screen:
        screen.ended()
        return [line for line in screen.lines if line]


def configure(daemon: PrivateDaemon, text: str) -> None:
    with open(daemon.config_file, "a", encoding="utf-8") as file:
        file.write(text)
    with daemon.connect() as wire:
        wire.ok(op="reload")


def test_the_first_jobs_are_confirmed_by_a_block_and_later_ones_by_a_line(daemon: PrivateDaemon) -> None:
    shown = [on_a_terminal(daemon, "--hold", "overbits", "true") for _ in range(4)]
    assert [len(lines) for lines in shown] == [7, 7, 7, 1]
    assert all(lines[0] == "✓ Dispatched" for lines in shown[:3])
    assert shown[3][0].startswith("agent:overbits:")
    assert "  queued: held" in shown[3][0]


def test_the_setting_decides_how_a_job_is_confirmed(daemon: PrivateDaemon) -> None:
    configure(daemon, '\n[cli]\nconfirm = "line"\n')
    assert len(on_a_terminal(daemon, "overbits", "true")) == 1
    text = daemon.config_file.read_text().replace('"line"', '"block"')
    daemon.config_file.write_text(text)
    configure(daemon, "")
    for _ in range(4):
        shown = on_a_terminal(daemon, "overbits", "true")
    assert shown[0] == "✓ Dispatched"


def test_a_list_opens_a_pager_when_it_is_told_to(daemon: PrivateDaemon, tmp_path: Path) -> None:
    jobs = [daemon.run("--hold", "overbits", f"echo {number}").stdout.strip()[-11:] for number in range(40)]

    def shown(*words: str) -> tuple[bool, int]:
        """Whether the pager has shown the list, and how many of the jobs."""
        record = tmp_path / "shown"
        lines = on_a_terminal(daemon, *words, LUZIA_PAGER=f"sh -c 'cat > {record}'")
        paged = record.exists() and record.stat().st_size > 0
        text = record.read_text() if paged else "\n".join(lines)
        record.unlink(missing_ok=True)
        return paged, sum(job in text for job in jobs)

    assert shown("jobs") == (False, 18)
    assert shown("jobs", "--pager") == (True, 40)
    assert shown("jobs", "--pager", "-n", "5") == (True, 5)
    assert shown("jobs", "--pager", "--format", "id,state") == (True, 40)
    configure(daemon, "\n[cli]\npager = true\n")
    assert shown("jobs") == (True, 40)
    assert shown("jobs", "--no-pager") == (False, 18)
    assert daemon.run("jobs", "--pager").stdout.startswith("Task Summary:")  # a pipe has none


def test_a_pager_that_is_missing_is_named(daemon: PrivateDaemon) -> None:
    lines = on_a_terminal(daemon, "jobs", "--pager", LUZIA_PAGER="/nowhere/less")
    assert lines[0].endswith("cannot run the pager '/nowhere/less'")


def test_the_summary_has_the_cost_and_the_hours_of_today(daemon: PrivateDaemon) -> None:
    def today() -> str | None:
        return next((line.strip() for line in on_a_terminal(daemon, "jobs") if "Today" in line), None)

    assert today() is None
    with daemon.connect() as wire:
        for _ in range(2):
            job = wire.ok(op="dispatch", project="overbits", argv=["sleep", "0.2"])["job"]
            wire.ok(op="wait", jobs=[job])
            page = wire.ok(op="list", cli=True)
        assert page["today"]["cost_usd"] is None
        assert page["today"]["running_s"] >= 0.4
        assert page["pager"] is False
        assert wire.ok(op="list").get("today") is None
    line = today()
    assert line is not None
    assert line.startswith("Today: ")
    assert line.endswith("running time")
