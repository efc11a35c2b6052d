"""Claude Code's request for a permission says what the tool would change, as far as a person reads that."""

from __future__ import annotations

from typing import Any

import pytest

from luziad.agents.claude_questions import MAX_DIFF_CHARS, parse_question


def diff(tool: str, **given: Any) -> str:
    """The diff of the question that a tool leads to."""
    return parse_question("1", {"subtype": "can_use_tool", "tool_name": tool, "input": given}).diff


def test_a_new_file_is_shown_by_its_lines() -> None:
    assert diff("Write", file_path="/a.py", content="one\n\ntwo\n") == "+one\n+\n+two"


def test_an_edit_is_shown_before_and_after() -> None:
    assert diff("Edit", file_path="/a", old_string="one\ntwo", new_string="three") == "-one\n-two\n+three"
    assert diff("Edit", file_path="/a", old_string="one", new_string="") == "-one"


def test_several_edits_are_apart() -> None:
    edits = [{"old_string": "a", "new_string": "b"}, {"old_string": "c", "new_string": "d"}]
    assert diff("MultiEdit", file_path="/a", edits=edits) == "-a\n+b\n@@\n-c\n+d"


def test_a_long_change_is_cut() -> None:
    assert len(diff("Write", file_path="/a", content="word\n" * 100_000)) == MAX_DIFF_CHARS


@pytest.mark.parametrize("given", [{"command": "make"}, {"edits": 3}, {"edits": ["x"]}, {"content": 7}, {}])
def test_what_changes_no_text_has_no_diff(given: dict[str, Any]) -> None:
    assert diff("Bash", **given) == ""
