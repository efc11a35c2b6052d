"""docs/architecture.md names files and functions that exist, and its gate works in a real daemon."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from support import ROOT, PrivateDaemon, dispatch, end_states, status

PAGE = (ROOT / "docs" / "architecture.md").read_text()
STEPS = re.findall(r"^\d+\. (.*?)(?=^\d+\. |^#|\Z)", PAGE.partition("\n## The observers")[0], re.MULTILINE | re.DOTALL)
GATE, TEST = re.findall(r'^```python\n(""".*?)^```$', PAGE, re.MULTILINE | re.DOTALL)
GATE_FILE, TEST_FILE = re.findall(r"`(\S*night\.py)`", PAGE)
(DIFF,) = re.findall(r"^```diff\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
DIRECTORIES = ("docs/", "luzia_client/", "luziad/", "protocol/", "tests/")


def functions(path: Path) -> Iterator[str]:
    """The functions of a module or a C file, and the methods of the module's classes as `Class.method`."""
    if path.suffix == ".c":
        yield from re.findall(r"^[a-z][\w *]*?(\w+)\([^;]*\{$", path.read_text(), re.MULTILINE)
        return
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{each.name}" for each in node.body if hasattr(each, "name"))
        elif isinstance(node, ast.FunctionDef):
            yield node.name


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.split("`")[1])
def test_a_step_names_functions_of_its_files(step: str) -> None:
    known = {name for path in re.findall(r"`(\S+\.(?:py|c))`", step) for name in functions(ROOT / path)}
    named = set(re.findall(r"`([\w.]+)\(\)`", step))
    assert named <= known


def test_the_page_names_files_that_exist() -> None:
    named = {word for word in re.findall(r"`([\w/.]+)`", PAGE) if word.startswith(DIRECTORIES)}
    assert len(named) > 60
    assert {word for word in named if not (ROOT / word).exists()} == {GATE_FILE, TEST_FILE}


@contextmanager
def tree_with_the_gate() -> Iterator[Path]:
    """A copy of the daemon's code with what the page adds."""
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        tree = Path(directory)
        shutil.copytree(ROOT / "luziad", tree / "luziad", ignore=shutil.ignore_patterns("__pycache__"))
        (tree / GATE_FILE).write_text(GATE)
        app = (tree / "luziad" / "app.py").read_text()
        before = "from __future__ import annotations\n"
        for line in DIFF.splitlines(keepends=True):
            if not line.startswith("+"):
                before = line[1:]
                continue
            place = "import asyncio\n" if "import" in line else before
            assert app.count(place) == 1
            app = app.replace(place, place + line[1:])
        (tree / "luziad" / "app.py").write_text(app)
        yield tree


def test_the_test_of_the_page_passes() -> None:
    with tree_with_the_gate() as tree:
        (tree / "test_night.py").write_text(TEST)
        command = [sys.executable, "-P", "-m", "pytest", "-q", "-o", "asyncio_mode=auto", "test_night.py"]
        done = subprocess.run(command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, capture_output=True)
        assert done.returncode == 0, done.stdout.decode()
        assert b"2 passed" in done.stdout


def test_a_job_waits_at_the_gate_and_starts_when_it_opens() -> None:
    opens_in_s = 4
    while not _waits_and_starts(opens_in_s):
        opens_in_s *= 2  # the machine is slow: the gate was open before the job came to it


def _waits_and_starts(opens_in_s: int) -> bool:
    """Whether the gate, which opens in this number of seconds, was seen closed."""
    now = datetime.now().astimezone()
    opens, closes = now + timedelta(seconds=opens_in_s), now - timedelta(hours=1)
    hours = ", ".join(
        f"{name}=dt.time({at.hour}, {at.minute}, {at.second})" for name, at in (("opens", opens), ("closes", closes))
    )
    with tree_with_the_gate() as tree:
        app = tree / "luziad" / "app.py"
        text, count = re.subn(r"opens=\S+, closes=[^)]*\)", hours, app.read_text())
        assert count == 1
        app.write_text(text)
        daemon = PrivateDaemon(tree, env={"PYTHONPATH": str(tree)})
        try:
            daemon.start(("-P", "-m", "luziad"))
            with daemon.connect() as wire:
                jobs = dispatch(wire), dispatch(wire, tags={"when": "night"})
                shown = daemon.run("jobs", jobs[1]).stdout
                assert end_states(wire, *jobs) == ["completed", "completed"]
                started_at = datetime.fromisoformat(status(wire, jobs[1])["started_at"])
                assert started_at >= opens.replace(microsecond=0)
        finally:
            daemon.end_everything()
    return f"waits for the night, which begins at {opens:%H:%M}" in shown
