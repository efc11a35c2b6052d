"""What Claude Code has noted of the sessions that it has had in terminals: their tokens and costs. Pure.

Observed with version 2.1.330: when it exits, its file `.claude.json` has the totals of the last session of each
directory, with those of earlier runs of the session.
"""

from __future__ import annotations

from collections.abc import Mapping
from glob import escape

from luzia_protocol.activity import SessionTotals

from luziad.agents.json_values import decode_json
from luziad.agents.summary_builder import parse_amount, parse_count


def usage_files(env: Mapping[str, str], session: str) -> str:
    """The path of the file as a pattern, by the environment of Claude Code; it is that of all sessions."""
    return f"{escape(env.get('CLAUDE_CONFIG_DIR') or env.get('HOME', ''))}/.claude.json"


def read_usage(content: bytes, session: str) -> SessionTotals | None:
    """The totals of a session; None when it is not the last one of a directory."""
    found = decode_json(content)
    projects = found.get("projects") if isinstance(found, dict) else None
    for project in projects.values() if isinstance(projects, dict) else ():
        if isinstance(project, dict) and project.get("lastSessionId") == session:
            cached = parse_count(project.get("lastTotalCacheReadInputTokens"))
            made = parse_count(project.get("lastTotalCacheCreationInputTokens"))
            return SessionTotals(
                parse_count(project.get("lastTotalInputTokens")) + made + cached,
                parse_count(project.get("lastTotalOutputTokens")),
                cached,
                parse_amount(project.get("lastCost")),
            )
    return None
