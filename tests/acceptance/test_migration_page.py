"""The code on docs/migration.md, from before and after, does what the page says, and no older name is missing."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luzia_client import JobState, legacy
from private_luzia import PrivateLuzia, private_luzia

PAGE = Path(__file__).parents[2] / "docs" / "migration.md"
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```\n\n^```text\n(?P<said>.*?)^```$", re.MULTILINE | re.DOTALL)

NAMES = {
    "ResponseiveDispatcher": (
        "dispatch_task get_status update_status list_jobs wait_for_job start_background_monitor jobs_dir"
    ),
    "ResponsiveDispatcher": "dispatch_task get_status",
    "CLIFeedback": "job_dispatched show_status show_jobs_list show_concurrent_jobs",
    "Colors": "RESET BOLD RED GREEN YELLOW BLUE CYAN",
    "ProgressBar": "bar",
    "ResponseiveOutput": "success error warning info progress",
    "EnhancedDispatcher": "dispatch_and_report get_status_and_display show_jobs_summary show_concurrent_summary",
    "get_enhanced_dispatcher": "",
    "enhanced_spawn_claude_agent": "",
    "track_existing_job": "",
    "show_job_status_interactive": "",
    "start_background_monitoring": "",
}
"""What older code imports, and what it uses of it."""


@pytest.fixture
def luzia(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        luzia.use_here(monkeypatch)
        monkeypatch.setitem(sys.modules, "older_luzia", legacy)
        luzia.client().add_project("overbits", luzia.project, "shell")
        legacy.get_enhanced_dispatcher.cache_clear()
        yield luzia
        legacy.get_enhanced_dispatcher.cache_clear()


@pytest.mark.usefixtures("luzia")
def test_the_code_of_the_page_does_what_it_did() -> None:
    page = PAGE.read_text()
    blocks = list(BLOCK.finditer(page))
    assert len(blocks) == page.count("```python") >= 8
    session: dict[str, Any] = {"JobState": JobState}
    for block in blocks:
        line = page.count("\n", 0, block.start("code")) + 1
        said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        with contextlib.redirect_stdout(said):
            exec(compile("\n" * (line - 1) + block["code"], str(PAGE), "exec"), session)
        printed = re.sub(r"\(\d+ms\)$", "(0ms)", said.buffer.getvalue().decode(), flags=re.MULTILINE)
        assert printed == block["said"], f"line {line}"


def test_only_the_import_line_changes() -> None:
    before, after = [block["code"].splitlines() for block in BLOCK.finditer(PAGE.read_text())][:2]
    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert [(old.split()[1], new.split()[1]) for old, new in changed] == [("older_luzia", "luzia_client.legacy")]


@pytest.mark.parametrize("name", NAMES)
def test_every_older_name_is_there_and_on_the_page(name: str) -> None:
    assert name in legacy.__all__
    assert f"`{name}" in PAGE.read_text()
    for attribute in NAMES[name].split():
        assert hasattr(getattr(legacy, name), attribute)
