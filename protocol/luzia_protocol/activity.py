"""What luzia understands of an agent's work. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class PlanItem(msgspec.Struct, frozen=True, gc=False):
    """One entry of an agent's to-do list. state: pending, in_progress, completed or dropped."""

    text: str
    state: str


class QuestionPart(msgspec.Struct, frozen=True, gc=False):
    """One question with the answers that the agent offers; another one will do, too. many: several may be given."""

    text: str
    options: list[str] = []
    many: bool = False


class Question(msgspec.Struct, frozen=True, repr_omit_defaults=True, gc=False):
    """What an agent asks a person, and waits for.

    id: the agent's own name for it. type: `permission` to use a tool, or a `question` with `parts`.
    tool: what it wants to use. text: what for, in words.
    """

    id: str
    type: Literal["permission", "question"]
    tool: str
    text: str
    parts: list[QuestionPart] = []


class Activity(msgspec.Struct, frozen=True, repr_omit_defaults=True, gc=False):
    """What an attempt's agent does and has done, as far as its output tells; None is what nobody can know.

    session, model, version: the agent's own. phase: what it does now, since `phase_at`.
    turns: how often the model's turn came. tools: calls by name; tool_calls: all of them.
    files: what it wrote, the first ones; file_count: how many, at least so many when `more_files`.
    plan: its to-do list, the first entries; plan_done, plan_total: without the dropped ones.
    tokens_in: all that the model read, tokens_cached: those of them from its cache, tokens_out: all that it wrote.
    cost_usd: the agent's own estimate; None is unpriced.
    limit: the words of the account's usage limit that stops it; limit_resets_at: when that is over.
    last_message: what the model said last, or its beginning. last_sign_at: when the output grew last.
    lingered: the agent went on after its final result, and was ended for that.
    asked: what it has asked and not seen an answer to, oldest first; answers that are on their way do not count.

    In lists, in events and for earlier attempts `tools`, `files`, `plan` and `asked` are empty and `last_message` is
    short.
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
