"""What Codex notes of its sessions is read as totals, whatever else stands in the file."""

from __future__ import annotations

import fnmatch
import json

import pytest

from luzia_protocol.activity import SessionTotals

from luziad.agents.codex_usage import read_usage, usage_files

TURN = {"type": "event_msg", "payload": {"type": "task_complete", "last_agent_message": 'said "token_count"'}}


def counted(tokens_in: int, tokens_out: int, cached: int) -> dict[str, object]:
    """A line with totals, as version 0.169.0 writes it."""
    total = {"input_tokens": tokens_in, "cached_input_tokens": cached, "output_tokens": tokens_out, "total_tokens": 1}
    info = {"total_token_usage": total, "last_token_usage": {"input_tokens": 1, "output_tokens": 1}}
    return {
        "timestamp": "2026-11-30T20:22:13.150Z",
        "type": "event_msg",
        "payload": {"type": "token_count", "info": info},
    }


def lines(*values: object, end: str = "\n") -> bytes:
    return ("\n".join(map(json.dumps, values)) + end).encode()


@pytest.mark.parametrize("end", ["\n", ""])
def test_the_last_totals_count(end: str) -> None:
    assert read_usage(lines(counted(1200, 34, 0), TURN, counted(3000, 90, 100), end=end), "ID") == SessionTotals(
        3000, 90, 100
    )
    assert read_usage(lines(counted(1200, 34, 0), TURN, end=end), "ID") == SessionTotals(1200, 34, 0)


def test_lines_without_totals_and_half_a_line_are_passed_over() -> None:
    empty = {"type": "event_msg", "payload": {"type": "token_count", "info": None}}
    half = json.dumps(counted(9, 9, 9)).encode()[:-20]
    assert read_usage(lines(counted(1200, 34, 7), empty) + half, "ID") == SessionTotals(1200, 34, 7)


@pytest.mark.parametrize("content", [b"", b"\n", b"{", lines(TURN), b'"token_count"', b'["token_count"]\n'])
def test_a_file_without_totals_has_none(content: bytes) -> None:
    assert read_usage(content, "ID") is None


def test_the_file_is_in_the_configured_directory_or_the_home() -> None:
    file = "/.codex/sessions/2026/11/30/rollout-2026-11-30T20-22-12-01a2-4c68.jsonl"
    assert fnmatch.fnmatch(f"/home/[a]da{file}", usage_files({"HOME": "/home/[a]da"}, "01a2-4c68"))
    assert not fnmatch.fnmatch(f"/home/ada{file}", usage_files({"HOME": "/home/ada"}, "4c6*"))
    assert usage_files({"HOME": "/home/ada", "CODEX_HOME": "/c"}, "1").startswith("/c/sessions/")
