"""Every example of the pages about Python does what the page says, against a real daemon."""

from __future__ import annotations

import doctest
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```pycon\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def luzia(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        luzia.use_here(monkeypatch)
        monkeypatch.chdir(luzia.project)
        luzia.client().add_project("overbits", luzia.project, "shell")
        yield luzia


def examples(page: str) -> doctest.DocTest:
    """All examples of a page, as one session whose lines have the page's numbers."""
    text = (DOCS / page).read_text()
    session, line = "", 0
    for block in BLOCK.finditer(text):
        begin = text.count("\n", 0, block.start(1))
        session += "\n" * (begin - line) + block[1]
        line = begin + block[1].count("\n")
    return doctest.DocTestParser().get_doctest(session, {}, page, str(DOCS / page), 0)


def too_long(_number: int, frame: FrameType | None) -> None:
    """End an example that waits for ever."""
    raise TimeoutError(f"an example waits for ever: {frame}")


@pytest.mark.parametrize(("page", "least"), [("python.md", 40)])
@pytest.mark.usefixtures("luzia")
def test_the_examples_of_the_page_work(page: str, least: int) -> None:
    session = examples(page)
    assert len(session.examples) >= least
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    report: list[str] = []
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(round(2 * DEADLINE_S))
    try:
        runner.run(session, out=report.append)
    finally:
        signal.alarm(0)
    assert not runner.failures, "".join(report)
