"""The repository holds only files of its own."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no git checkout")


def _git(*arguments: str) -> list[str]:
    completed = subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True, text=True)
    return completed.stdout.split("\0")[:-1]


def test_no_ignored_file_is_tracked() -> None:
    assert _git("ls-files", "-z", "--cached", "--ignored", "--exclude-standard") == []


def test_no_tracked_link_leads_out_of_the_repository() -> None:
    entries = [entry.split("\t", 1) for entry in _git("ls-files", "-z", "--stage")]
    links = [ROOT / path for details, path in entries if details.startswith("120000")]
    assert links, "the directory of units is a link"
    assert [link for link in links if not link.resolve().is_relative_to(ROOT.resolve())] == []
