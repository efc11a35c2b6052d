"""What luzia reads from an agent's output. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

MAX_DETAIL_CHARS = 256 * 1024
"""The size of the tools, files and plans of all attempts in the reply about one job, so that it fits a frame."""


class PlanItem(msgspec.Struct, frozen=True, gc=False):
    """One entry of an agent's to-do list. state: pending, in_progress, completed or dropped."""

    text: str
    state: str


class QuestionPart(msgspec.Struct, frozen=True, gc=False):
    """One question with its options; other answers are allowed, too. many: several options may be chosen.

    descriptions: the meaning of each option, in the same order; empty when the agent gives none.
    """

    text: str
    options: list[str] = []
    many: bool = False
    descriptions: list[str] = []


class Question(msgspec.Struct, frozen=True, repr_omit_defaults=True, gc=False):
    """A question of an agent, which waits for the answer.

    id: the agent's own id of the question. type: `permission` to use a tool, or a `question` with `parts`.
    tool: the tool to be used. text: the purpose, in words. diff: the lines that the tool would change, after `+` and
    `-`, cut after some thousand characters; empty for a tool that changes no text.
    """

    id: str
    type: Literal["permission", "question"]
    tool: str
    text: str
    parts: list[QuestionPart] = []
    diff: str = ""


class SessionTotals(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Tokens and cost of an agent's session so far, with earlier attempts, as the agent has last reported them."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost_usd: float = 0.0


class Spending(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Tokens and cost, by the agent's own account, as in Activity; None is unknown."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    cost_usd: float | None = None


class Activity(msgspec.Struct, frozen=True, repr_omit_defaults=True, gc=False):
    """What an agent is doing and has done, according to its output; None is unknown.

    In an attempt, everything is its own: earlier tokens and costs of a resumed session are not counted again.
    In a job, and in events, turns, tools, files, tokens and the cost are those of all attempts together; names, the
    plan and the last message are the newest known ones; the rest is that of the newest attempt.

    session, model, version: the agent's own. phase: the current activity, since `phase_at`.
    turns: turns of the model. tools: calls by name; tool_calls: all calls.
    files: the first files written; file_count: their number, a lower bound if `more_files`.
    plan: the first entries of its to-do list; plan_done, plan_total: counts without dropped entries.
    tokens_in: tokens that the model has read, tokens_cached: those of them from its cache, tokens_out: tokens written.
    cost_usd: the agent's own estimate; None is unknown.
    limit: the message of the account's usage limit that stops the agent; limit_resets_at: when the limit ends.
    last_message: the beginning of the model's last message. last_sign_at: when output was last written.
    lingered: the agent kept running after its final result, and was terminated.
    asked: unanswered questions, oldest first, without those whose answers are being delivered.
    lost_bytes: how much of its output is gone because the job has truncated it, as `> /dev/stderr` does; at least.
    totals: in an attempt, those of its session, if its agent reports such totals; what was added to them is the
    attempt's own.
    In lists and in events `tools`, `files`, `plan` and `asked` are empty and `last_message` is short. So they are in
    the earlier attempts of a job, once the newer ones have MAX_DETAIL_CHARS of them.
    """

    session: str | None = None
    model: str | None = None
    version: str | None = None
    phase: str | None = None
    phase_at: datetime | None = None
    turns: int = 0
    tool_calls: int = 0
    tools: dict[str, int] = {}
    files: list[str] = []
    file_count: int = 0
    more_files: bool = False
    plan: list[PlanItem] = []
    plan_done: int | None = None
    plan_total: int | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    cost_usd: float | None = None
    limit: str | None = None
    limit_resets_at: datetime | None = None
    last_message: str | None = None
    last_sign_at: datetime | None = None
    lingered: bool = False
    asked: list[Question] = []
    totals: SessionTotals | None = None
    lost_bytes: int = 0
