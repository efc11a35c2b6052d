"""What Claude Code notes of its sessions is read as totals, whatever stands in the file."""

from __future__ import annotations

import json

import pytest

from luzia_protocol.activity import SessionTotals

from luziad.agents.claude_usage import read_usage, usage_files

NOTED = {
    "lastSessionId": "ID-1",
    "lastCost": 0.00822,
    "lastTotalInputTokens": 2400,
    "lastTotalOutputTokens": 68,
    "lastTotalCacheCreationInputTokens": 10,
    "lastTotalCacheReadInputTokens": 100,
}


def test_the_totals_of_the_session_are_found_in_whatever_directory_it_was() -> None:
    content = json.dumps({"projects": {"/other": {"lastSessionId": "ID-2"}, "/project": NOTED}}).encode()
    assert read_usage(content, "ID-1") == SessionTotals(2510, 68, 100, 0.00822)
    assert read_usage(content, "ID-3") is None


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"projects": 3}', b'{"projects": {"/a": 3}}', b'{"projects": null}']
)
def test_a_file_without_them_has_none(content: bytes) -> None:
    assert read_usage(content, "ID-1") is None


def test_odd_values_count_as_nothing() -> None:
    odd = NOTED | {"lastCost": "much", "lastTotalInputTokens": -1, "lastTotalOutputTokens": None}
    assert read_usage(json.dumps({"projects": {"/a": odd}}).encode(), "ID-1") == SessionTotals(110, 0, 100, 0.0)


def test_the_file_is_in_the_configured_directory_or_the_home() -> None:
    assert usage_files({"HOME": "/home/ada"}, "ID-1") == "/home/ada/.claude.json"
    assert usage_files({"HOME": "/home/ada", "CLAUDE_CONFIG_DIR": "/c"}, "ID-1") == "/c/.claude.json"
