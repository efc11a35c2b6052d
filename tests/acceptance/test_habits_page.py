"""docs/habits.md shows what luzia says to the command lines of other tools: each is typed, and answered as it says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until

PAGE = (Path(__file__).parents[2] / "docs" / "habits.md").read_text()
ROWS = re.findall(r"^\| [a-z]+ \| `([^`]+)` \| (?:`` (.+?) ``|`([^`]+)`) \|", PAGE, re.MULTILINE)
CONFIG = """\
[daemon]
max_running = 3

[projects.overbits]
path = "{path}"
agent = "shell"
"""


def test_there_are_seventy_lines() -> None:
    assert len(ROWS) >= 70
    assert len({typed for typed, _, _ in ROWS}) == len(ROWS)


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        Path(luzia.env["LUZIA_CONFIG"]).write_text(CONFIG.format(path=luzia.project))
        yield luzia


def prepare(luzia: PrivateLuzia) -> dict[str, str]:
    """Jobs in the states that the page names."""
    client = luzia.client()
    jobs = {"DONE": luzia.shell("echo hello"), "DONE2": luzia.shell("true"), "FAILED": luzia.shell("exit 3")}
    client.wait([*jobs.values()], timeout_s=DEADLINE_S)
    running = {name: luzia.shell("sleep 1000") for name in ("RUN", "RUN2")}
    for job in running.values():
        until(lambda job=job: client.get_job(job).state == "running", "running")  # type: ignore[misc]
    held = client.dispatch(luzia.project, "true", agent="shell", hold=True).job
    return jobs | running | {"HELD": held}


def test_each_line_is_answered_as_the_page_says(luzia: PrivateLuzia) -> None:
    jobs = prepare(luzia)
    for typed, quoted, plain in ROWS:
        done = luzia.run(*(jobs.get(word, word) for word in shlex.split(typed)))
        told = (done.stdout + done.stderr).decode()
        expected = re.sub(r"\b[A-Z]{3,}2?\b", lambda match: jobs.get(match[0], match[0]), quoted or plain)
        assert expected in told, (typed, told)
        assert "Traceback" not in told
