"""One action is one line of the log, whoever has chosen the words in it."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from luziad import log


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        ("plain ✓", "plain ✓"),
        ("x\n2026-11-23T11:00:00.000Z info luziad.app ready", "x\\n2026-11-23T11:00:00.000Z info luziad.app ready"),
        ("\x1b[2J\x9b31m\u202e\u2028", "\\x1b[2J\\x9b31m\\u202e\\u2028"),
        ("\udc80", "\\udc80"),
    ],
)
def test_what_a_client_says_cannot_forge_a_line(field: str, shown: str) -> None:
    record = logging.LogRecord("luziad.server", logging.INFO, "", 0, "hello client=%s", (field,), None)
    line = log.Formatter().format(record)
    assert line.endswith(f"info luziad.server hello client={shown}")
    assert len(line.splitlines()) == 1


EVENTS = """
import asyncio, logging, sys
from luziad import log
if "journal" in sys.argv:
    log.is_journal = lambda: True
log.EventLog("early").info("not shown")
log.set_up(sys.argv[1], "/nonexistent/luziad.log")
events, logger = log.EventLog("luziad.jobs"), logging.getLogger("luziad.jobs")

def say(when):
    for note in (lambda text: logger.info("%s", text), events.info):
        note(f"{when} name=x\\nforged")

async def main():
    say("in a loop")

say("before")
asyncio.run(main())
say("after")
"""


@pytest.mark.parametrize("words", [["info"], ["info", "journal"], ["warning"]])
def test_a_line_of_what_happens_often_is_like_others(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", EVENTS, *words], capture_output=True, text=True, check=True)
    lines = [line[line.index("luziad.jobs") :] for line in done.stderr.splitlines()]
    starts = [re.sub(r"[0-9]", "0", line[: line.index("luziad.jobs")]) for line in done.stderr.splitlines()]
    times = ("before", "in a loop", "after") if words[0] == "info" else ()
    assert lines == [f"luziad.jobs {when} name=x\\nforged" for when in times for _ in range(2)]
    assert set(starts) <= {"<0>" if "journal" in words else "0000-00-00T00:00:00.000Z info "}


def test_a_traceback_keeps_its_lines() -> None:
    try:
        raise ValueError("one\ntwo")
    except ValueError as exc:
        record = logging.LogRecord("luziad", logging.ERROR, "", 0, "failed", (), (type(exc), exc, exc.__traceback__))
    assert "failed\nTraceback" in log.Formatter().format(record)


ROTATE = """
import logging, os, sys
from luziad import log
logger = logging.getLogger("luziad")
logger.addHandler(log.StderrHandler(sys.argv[1], max_bytes=100))
for number in range(7):
    logger.warning("line %d %s", number, "x" * 30)
os.write(1, b"from stdout\\n")
os.write(2, b"from stderr\\n")
"""


def test_a_full_log_file_is_kept_once_and_everything_goes_to_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "luziad.log"
    with open(path, "ab") as file:
        subprocess.run([sys.executable, "-c", ROTATE, str(path)], stdout=file, stderr=file, check=True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["luziad.log", "luziad.log.1"]
    old, new = (tmp_path / "luziad.log.1").read_text(), path.read_text()
    assert [line.split()[1] for line in old.splitlines()] == ["3", "4", "5"]
    assert new.splitlines() == [f"line 6 {'x' * 30}", "from stdout", "from stderr"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_not_the_daemons_own_is_never_rotated(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.log"
    with open(path, "ab") as file:
        subprocess.run(
            [sys.executable, "-c", ROTATE, str(tmp_path / "luziad.log")], stdout=file, stderr=file, check=True
        )
    assert [each.name for each in tmp_path.iterdir()] == ["supervisor.log"]
    assert len(path.read_text().splitlines()) == 9


def test_a_line_of_the_journal_has_its_priority_and_leaves_the_time_to_the_journal() -> None:
    record = logging.LogRecord("luziad.app", logging.WARNING, "", 0, "ready pid=%d", (7,), None)
    assert log.JournalFormatter().format(record) == "<4>luziad.app ready pid=7"


def test_each_line_of_a_traceback_has_the_priority() -> None:
    record = logging.LogRecord("luziad", logging.ERROR, "", 0, "failed", (), (ValueError, ValueError("a\nb"), None))
    assert log.JournalFormatter().format(record).splitlines() == ["<3>luziad failed", "<3>ValueError: a", "<3>b"]


TELL = "from luziad import log; log.print_error('no'); print(log.is_journal())"


@pytest.mark.parametrize(("is_journal", "told"), [(True, "<3>luziad: no"), (False, "luziad: no")])
def test_the_journal_is_recognised_by_its_stream(tmp_path: Path, is_journal: bool, told: str) -> None:
    with open(tmp_path / "stream", "w") as stream:
        status = os.fstat(stream.fileno())
        identity = f"{status.st_dev}:{status.st_ino if is_journal else status.st_ino + 1}"
        environment = {**os.environ, "JOURNAL_STREAM": identity}
        subprocess.run([sys.executable, "-c", TELL], stderr=stream, env=environment, check=True)
    assert (tmp_path / "stream").read_text() == f"{told}\n"


TURNS = """
import asyncio, logging, sys, threading
from luziad import log
log.set_up("info", "/nonexistent/luziad.log")
logger = logging.getLogger("luziad")
def written():
    with open(sys.argv[1]) as file:
        return [line.split()[-1] for line in file]
async def main():
    logger.info("one")
    logger.info("two")
    print(written())
    await asyncio.sleep(0)
    print(written())
    logger.info("three")
    logger.warning("four")
    print(written())
    await asyncio.sleep(0)
    thread = threading.Thread(target=logger.info, args=("five",))
    thread.start()
    thread.join()
    print(written())
    logger.info("six")
    log.print_error("seven")
    print(written())
    logger.info("eight")
asyncio.run(main())
"""


def test_the_lines_of_a_turn_are_written_together_and_a_warning_at_once(tmp_path: Path) -> None:
    path = tmp_path / "luziad.log"
    with open(path, "ab") as file:
        done = subprocess.run(
            [sys.executable, "-c", TURNS, str(path)], stdout=subprocess.PIPE, stderr=file, text=True, check=True
        )
    lines = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
    assert done.stdout.splitlines() == [str(lines[:count]) for count in (0, 2, 4, 5, 7)]
    assert [line.split()[-1] for line in path.read_text().splitlines()] == lines


KINDS = """
import logging
from luziad import log
log.set_up("info", "/nonexistent/luziad.log")
logger = logging.getLogger("luziad")
logger.info("%(kind)s by name", {"kind": "fields"})
logger.info("no fields %d%%")
try:
    1 / 0
except ZeroDivisionError:
    logger.exception("failed %s", "job")
"""


def test_fields_and_tracebacks_are_written_as_logging_does() -> None:
    done = subprocess.run([sys.executable, "-c", KINDS], stderr=subprocess.PIPE, text=True, check=True)
    lines = done.stderr.splitlines()
    assert [line.split(" ", 1)[1] for line in lines[:3]] == [
        "info luziad fields by name",
        "info luziad no fields %d%%",
        "error luziad failed job",
    ]
    assert lines[3] == "Traceback (most recent call last):"
    assert lines[-1] == "ZeroDivisionError: division by zero"
