"""What Codex has noted of a session, also of what was done in a terminal: the tokens of its thread. Pure.

Observed with version 0.169.0: each session has a file of JSON lines, to which a resumed one is appended. After each
answer of the model a line `token_count` has the totals of the thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from glob import escape

from luzia_protocol.activity import SessionTotals

from luziad.agents.json_values import decode_json
from luziad.agents.summary_builder import parse_count

_MARK = b'"token_count"'


def usage_files(env: Mapping[str, str], session: str) -> str:
    """The pattern of the path of a session's file, by the environment of Codex: a directory a day, and a time first."""
    home = env.get("CODEX_HOME") or f"{env.get('HOME', '')}/.codex"
    return f"{escape(home)}/sessions/*/*/*/rollout-*-{escape(session)}.jsonl"


def read_usage(content: bytes, session: str) -> SessionTotals | None:
    """The totals of the thread in the last line that has them; None when no line does. session: the file is its own."""
    end = len(content)
    while (found := content.rfind(_MARK, 0, end)) >= 0:
        begin = content.rfind(b"\n", 0, found) + 1
        stop = content.find(b"\n", found, end)
        totals = _totals(decode_json(content[begin : end if stop < 0 else stop]))
        if totals is not None:
            return totals
        end = begin
    return None


def _totals(line: object) -> SessionTotals | None:
    value = line
    for name in ("payload", "info", "total_token_usage"):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        return None
    return SessionTotals(
        *(parse_count(value.get(name)) for name in ("input_tokens", "output_tokens", "cached_input_tokens"))
    )
