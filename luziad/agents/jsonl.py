"""The reader of agents that print JSON lines, by a mapping that defines what their lines mean. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from luzia_protocol.activity import SessionTotals
from luzia_protocol.jobs import Progress

from luziad.agents.base import OutputSummary
from luziad.agents.failure_causes import is_usage_limit
from luziad.agents.json_values import MAX_TEXT_CHARS, as_objects, as_text, one_line, text_at
from luziad.agents.jsonl_mapping import JsonlMapping, each, error_words, plan_entries
from luziad.agents.judging import judge, last_stderr_line
from luziad.agents.summary_builder import (
    MAX_PATH_CHARS,
    SummaryBuilder,
    make_plan_item,
    parse_amount,
    parse_count,
    put_bounded,
    tool_phase,
)
from luziad.jobs.attempt import ExitRecord, FailureCause, Verdict

_TOKENS = ("tokens_in", "tokens_out", "tokens_cached")
_CAUSES = {cause.value: cause for cause in FailureCause}
_USAGE = ("turn", *_TOKENS, "cost")
"""What a repeated line does not count again."""

_MILLISECONDS = 1e11
"""A larger reset time is in milliseconds: in seconds it would be in the year 5138."""


class JsonlReader:
    """Reads the lines of one run. name: of the agent whose output it is, for messages and its wordings."""

    def __init__(self, name: str, mapping: JsonlMapping) -> None:
        self._name, self._mapping = name, mapping
        self._builder = SummaryBuilder()
        self._turns: dict[str, None] = {}
        self._calls: dict[str, tuple[str, list[str]]] = {}
        self._success = False
        self._failure = ""
        self._hint = ""
        self._explained: dict[str, Any] = {}
        self._used: dict[str, Any] = {}
        builder, used, explained = self._builder, self._used, self._explained
        self._take: dict[str, Callable[[Any], None]] = {
            **{name: partial(builder.set_name, name) for name in ("session", "model", "version")},
            **{name: partial(used.__setitem__, name) for name in (*_TOKENS, "cost")},
            **{name: partial(explained.__setitem__, name) for name in ("status", "cause", "resets_at")},
            "turn": self._turn,
            "text": self._text,
            "tool": self._tool,
            "result": self._result,
            "file": self._file,
            "plan": self._plan,
            "success": self._report_success,
            "error": self._error,
            "retry": self._retry,
        }

    def feed(self, line: bytes) -> Progress | None:
        """Read one line."""
        event = self._builder.decode(_event, line)
        if event is None:
            return None
        repeated = False
        for name, value in self._mapping.values(event):
            if name == "turn_id":
                repeated = self._is_known(value)
            elif not (repeated and name in _USAGE):
                self._take[name](value)
        if self._used:
            self._count()
        return self._builder.take_progress()

    def summary(self) -> OutputSummary:
        """The summary so far."""
        return self._builder.summary()

    def resume(self, earlier: Mapping[str, SessionTotals], session: str | None) -> None:
        """Take the totals of sessions before this attempt, if the agent reports such totals."""
        if self._mapping.totals == "session":
            self._builder.resume(earlier, session)

    def is_finished(self) -> bool:
        """True after a line that reports success or an error, until one that reports a retry."""
        return self._success or bool(self._failure)

    def verdict(self, exit_record: ExitRecord, stderr_tail: bytes) -> Verdict:
        """Success is exit code 0 without a final error or a refused tool, after the line of success if it is mapped."""
        return judge(
            self._name,
            exit_record,
            success=self._success or not self._mapping.needs_success,
            failure=self._failure,
            refused=self._builder.refused,
            hint=self._hint,
            missing=f"{self._name} ended without reporting success",
            stderr_words=last_stderr_line(stderr_tail),
            cause=_CAUSES.get(as_text(self._explained.get("cause"))),
            status=self._explained.get("status"),
        )

    def _is_known(self, turn: Any) -> bool:
        """Whether a line of this turn has been read; also remembers it."""
        key = str(turn)[:MAX_TEXT_CHARS] if isinstance(turn, str | int | float) else ""
        known = key in self._turns
        put_bounded(self._turns, key, None)
        return known and bool(key)

    def _turn(self, _: Any) -> None:
        self._builder.turns += 1
        self._builder.set_phase("thinking")

    def _text(self, words: Any) -> None:
        for said in each(words):
            if as_text(said):
                self._builder.set_phase("thinking")
                self._builder.add_message(said)

    def _tool(self, calls: Any) -> None:
        for call in each(calls):
            name = as_text(call) or text_at(call, "name")
            if not name:
                continue
            self._builder.add_tool_call(name)
            self._builder.set_phase(tool_phase(name))
            if isinstance(call, dict):
                files = [path[: MAX_PATH_CHARS + 1] for path in each(call.get("file"))[:10] if isinstance(path, str)]
                put_bounded(self._calls, as_text(call.get("id")), (one_line(name, 80), files))

    def _result(self, results: Any) -> None:
        for result in as_objects(each(results)):
            self._builder.set_phase("thinking")
            name, files = self._calls.pop(as_text(result.get("id")), ("a tool", []))
            if result.get("refused"):
                self._builder.add_refusal(name)
            elif not result.get("failed"):
                self._file(files)

    def _file(self, paths: Any) -> None:
        for path in each(paths):
            self._builder.add_file(path)

    def _plan(self, items: Any) -> None:
        if isinstance(items, list):
            self._builder.set_plan([make_plan_item(*entry) for entry in plan_entries(self._mapping, items)])

    def _count(self) -> None:
        """Count the tokens and the cost that a line has reported."""
        read, written, cached = (sum(map(parse_count, each(self._used.get(name)))) for name in _TOKENS)
        cost = sum(map(parse_amount, each(self._used.get("cost"))))
        has_tokens, totals = any(name in self._used for name in _TOKENS), self._mapping.totals
        self._used.clear()
        if totals == "session":
            self._builder.set_session_totals(SessionTotals(read, written, cached, cost))
            return
        if has_tokens:
            (self._builder.set_tokens if totals else self._builder.add_tokens)(read, written, cached)
        (self._builder.set_cost if totals else self._builder.add_cost)(cost)

    def _error(self, error: Any) -> None:
        """An error is final, unless its value is empty, or success or a retry is reported later."""
        if error:
            words = error_words(error)
            self._success, self._failure = False, words or f"{self._name} reported an error"
            limited = self._explained.get("cause") == FailureCause.USAGE_LIMIT.value
            if limited or is_usage_limit(self._name, words):
                self._builder.set_usage_limit(self._failure, parse_time(self._explained.get("resets_at")))

    def _report_success(self, proof: Any) -> None:
        if proof:
            self._success, self._hint = True, ""
            self._forget_error()

    def _retry(self, reason: Any) -> None:
        self._success, self._hint = False, one_line(self._failure)
        self._forget_error()
        self._builder.set_phase(f"retry: {one_line(words, 80)}" if (words := as_text(reason)) else "retry")

    def _forget_error(self) -> None:
        self._failure = ""
        self._explained.clear()
        self._builder.usage_limit = None


def parse_time(value: Any) -> float | None:
    """A time in epoch seconds, from a number of seconds or milliseconds, or from a text in the format of ISO 8601."""
    if isinstance(value, str):
        try:
            when = datetime.fromisoformat(value)
            return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    seconds = parse_amount(value)
    return (seconds / 1000 if seconds > _MILLISECONDS else seconds) or None


_event = msgspec.json.Decoder(dict[str, Any]).decode
