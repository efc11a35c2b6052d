"""Every example of docs/schedules.md does what the page says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from luziad.schedules.cron import SHORTHANDS, CronExpression
from private_luzia import PrivateLuzia, private_luzia
from support import DEADLINE_S

PAGE = (Path(__file__).parents[2] / "docs" / "schedules.md").read_text()
SHELL = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in SHELL for line in block.splitlines()]


@pytest.fixture(scope="module")
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        luzia.client().add_project("overbits", luzia.project, "shell")
        yield luzia


def test_the_examples_of_the_page_work_from_top_to_bottom(luzia: PrivateLuzia) -> None:
    said = {}
    for line in COMMANDS:
        command, *words = shlex.split(line)
        assert command == "luzia"
        done = luzia.run(*words)
        assert done.returncode == 0, (line, done.stderr)
        said[" ".join(words)] = done.stdout.decode()
    added = said["schedule add nightly --cron 0 3 * * 1-5 --project overbits update the dependencies"].splitlines()
    assert added[0].startswith("Added nightly (time zone ")
    assert len(added) == 6
    assert all(" 03:00:00 " in each for each in added[1:])
    table = said["schedule"].splitlines()
    assert table[0].split() == ["NAME", "CRON", "ZONE", "NEXT", "LAST", "PROJECT", "TASK"]
    assert [row.split()[0] for row in table[1:]] == ["hourly", "nightly", "reports"]
    assert said["schedule show nightly --runs 20"].count(" 03:00:00 ") == 20
    job = said["schedule run nightly"].strip().rpartition(":")[2]
    assert job in said["jobs --tag schedule=nightly"]


def test_the_program_of_the_page_works(luzia: PrivateLuzia) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", program], env=luzia.env, capture_output=True, text=True, timeout=DEADLINE_S
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("datetime.datetime(") == 5


def test_the_page_shows_what_expressions_can_say() -> None:
    table = PAGE.partition("## The expression")[2].partition("## ")[0]
    fields = re.findall(r"`([^`]+)`", "\n".join(line for line in table.splitlines() if line.startswith("| `")))
    assert len(fields) >= 15
    for field in fields:
        if field.startswith("@"):
            assert field in SHORTHANDS
            continue
        fits = [f"{field} * * * *", f"* {field} * * *", f"* * {field} * *", f"* * * {field} *", f"* * * * {field}"]
        assert any(CronExpression(each).next_after(1.8e9, ZoneInfo("UTC")) for each in fits if _readable(each)), field


def _readable(expression: str) -> bool:
    try:
        CronExpression(expression)
    except ValueError:
        return False
    return True
