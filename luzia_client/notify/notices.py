"""What is told of an event: the fields of a notice, and its text. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import zip_longest

import msgspec

from luzia_protocol import events
from luzia_protocol.activity import Question
from luzia_protocol.jobs import Job, Outcome, Review
from luzia_protocol.money import format_usd

from luzia_client.notify.answer_links import Asked
from luzia_client.notify.settings import Subject

TASK_CHARS = 200
WORDS_CHARS = 1000
FILES = 5

FIELDS = (
    "subject",
    "job",
    "project",
    "agent",
    "task",
    "outcome",
    "reason",
    "duration",
    "waited",
    "cost",
    "files",
    "last_words",
    "question",
    "attempt",
    "link",
)
"""The names of the fields of a notice, for templates, and in upper case with LUZIA_ before them for commands."""

_FIELD = re.compile(r"\{(\w+)\}")


class Notice(msgspec.Struct, frozen=True):
    """One fact to tell. key: the same for the same fact. fields: FIELDS with a value; texts for people.

    duration_s, tags: for the rules. asked: the question of `asks`. permission: it is a permission request.
    """

    subject: Subject
    key: str
    at: datetime
    fields: dict[str, str] = {}
    duration_s: float | None = None
    tags: dict[str, str] = {}
    outcome: Outcome | None = None
    asked: Asked | None = None
    permission: bool = False


def of_end(event: events.Ended | events.Requeued, job: Job | None, link: str, changes: str = "") -> Notice | None:
    """The notice of the end of a job, or of an attempt that met a usage limit. job: None if it was removed.

    changes: what git says that it has changed, if it has a worktree; else what its agent says is told.
    """
    subject = _subject(event)
    if subject is None:
        return None
    fields = _fields(event, job, link)
    fields["agent"] = event.agent
    fields["reason"] = event.reason or ""
    fields["outcome"] = event.outcome or ""
    fields["attempt"] = str(event.attempt) if event.attempt else ""
    fields["duration"] = "" if event.duration_s is None else format_span(event.duration_s)
    fields["waited"] = "" if event.waited_s is None else format_span(event.waited_s)
    total = event.spent_total or event.spent
    fields["cost"] = format_usd(total.cost_usd) if total is not None and total.cost_usd is not None else ""
    if job is not None and job.activity is not None:
        count = job.activity.file_count
        fields["files"] = changes or (_files(count) if count else "")
        fields["last_words"] = shorten(job.activity.last_message or "", WORDS_CHARS)
    elif changes:
        fields["files"] = changes
    return Notice(
        subject,
        f"{event.seq}",
        event.at,
        _present(fields),
        event.duration_s,
        job.tags if job is not None else {},
        event.outcome,
    )


def of_question(event: events.QuestionAsked, question: Question, job: Job | None, link: str) -> Notice:
    """The notice of a question."""
    fields = _fields(event, job, link)
    fields["agent"] = job.agent if job is not None else ""
    fields["question"] = shorten(_question(question), WORDS_CHARS)
    return Notice(
        "asks",
        f"{event.job} {event.attempt} {question.id}",
        event.at,
        _present(fields),
        None,
        job.tags if job is not None else {},
        asked=Asked(event.job, event.attempt, question.id),
        permission=question.type == "permission",
    )


def of_collision(event: events.Collided, job: Job | None, link: str) -> Notice:
    """The notice that two jobs change the same files."""
    found = event.collision
    fields = _fields(event, job, link)
    fields["agent"] = job.agent if job is not None else ""
    fields["files"] = _files(found.file_count)
    proof = {True: "; git can merge both", False: f"; git cannot merge {_first(found.conflicts)}", None: ""}
    same = _first(found.files, found.file_count)
    fields["reason"] = f"job {found.job} changes the same files: {same}{proof[found.merges]}"
    return Notice("collision", f"{event.seq}", event.at, _present(fields), None, job.tags if job is not None else {})


def of_agent(subject: Subject, key: str, at: datetime, agent: str, reason: str = "") -> Notice:
    """The notice of an agent's account."""
    return Notice(subject, key, at, _present({"agent": agent, "reason": reason}))


def of_daemon(subject: Subject, key: str, at: datetime, reason: str = "") -> Notice:
    """The notice of the daemon or its queue."""
    return Notice(subject, key, at, _present({"reason": reason}))


def title(notice: Notice, template: str | None = None) -> str:
    """One line."""
    if template is not None:
        return fill(template, notice)
    fields = notice.fields
    where, task = fields.get("project", ""), fields.get("task", "")
    match notice.subject:
        case "finished":
            return f"✓ {where}: {task}"
        case "failed" | "stalled" | "over_budget":
            return f"✗ {where}: {task}"
        case "review":
            return f"✓ {where}: {task} (waits for your review)"
        case "collision":
            return f"! {where}: {task} (another job changes the same files)"
        case "asks":
            return f"? {where}: {task}"
        case "limit_reached":
            return f"{fields.get('agent')} has met its usage limit"
        case "limit_over":
            return f"The usage limit of {fields.get('agent')} is over"
        case "queue_empty":
            return "All jobs have ended"
        case "daemon_restarted":
            return "luziad has been restarted"
        case "store_trouble":
            return "luziad cannot write its job store"
        case "store_recovered":
            return "luziad can write its job store again"
        case "missed":
            return "Some events were missed"


def body(notice: Notice, template: str | None = None) -> str:
    """The text below the title: how it ended and why, how long, what it cost, what changed, the agent's last words."""
    if template is not None:
        return fill(template, notice)
    fields = notice.fields
    figures = [
        fields.get("outcome", "").replace("_", " "),
        f"after {fields['duration']}" if "duration" in fields else "",
        fields.get("cost", ""),
        fields.get("files", ""),
    ]
    paragraphs = [
        ", ".join(figure for figure in figures if figure),
        fields.get("reason", ""),
        fields.get("question", ""),
        fields.get("last_words", ""),
        f"Job {fields['job']}" if "job" in fields else "",
        f"Accept with: luzia accept {fields['job']}" if notice.subject == "review" else "",
        f"Answer with: luzia answer {fields['job']} allow|deny|TEXT" if notice.subject == "asks" else "",
        fields.get("link", ""),
    ]
    return "\n".join(paragraph for paragraph in paragraphs if paragraph)


def digest(notices: list[Notice], answers: list[str] | None = None) -> tuple[str, str]:
    """The title and the text of many notices together. answers: where to answer each one's question, or empty."""
    lines: list[str] = []
    for notice, page in zip_longest(notices[:50], (answers or [])[:50]):
        lines.append(f"{title(notice)}{_suffix(notice)}")
        if page:
            lines.append(f"  Answer: {page}")
    if len(notices) > 50:
        lines.append(f"and {len(notices) - 50} more")
    return f"{len(notices)} notices from luzia", "\n".join(lines)


def fill(template: str, notice: Notice) -> str:
    """The template with its {fields}; what is unknown is empty, and other braces stay."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name == "subject":
            return notice.subject
        return notice.fields.get(name, "") if name in FIELDS else match[0]

    return _FIELD.sub(value, template)


def format_span(seconds: float) -> str:
    """`3s`, `12m`, `2h 05m`."""
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes = int(seconds // 60)
    return f"{minutes}m" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"


def _question(question: Question) -> str:
    """The whole question: the tool and what it is for, or each part with its options."""
    if question.type == "permission":
        return f"{question.tool}: {question.text}"
    lines: list[str] = []
    for part in question.parts:
        lines += [part.text, *(f"{number} {option}" for number, option in enumerate(part.options, 1))]
    return "\n".join(lines) or question.text


def format_changes(files: Sequence[tuple[str, int | None, int | None]]) -> str:
    """`3 files, +120 −7`: the changed files with the lines added and deleted, None in a binary one."""
    if not files:
        return ""
    added, deleted = (sum(counts) for counts in zip(*((up or 0, down or 0) for _, up, down in files), strict=True))
    return f"{_files(len(files))}, +{added} −{deleted}"


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def _first(names: Sequence[str], count: int = 0) -> str:
    """The first few names, and how many more there are of `count`."""
    more = max(count, len(names)) - len(names[:FILES])
    return ", ".join(names[:FILES]) + (f" and {more} more" if more else "")


def shorten(text: str, characters: int) -> str:
    """The text, cut to a number of characters."""
    text = text.strip()
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def _subject(event: events.Ended | events.Requeued) -> Subject | None:
    if event.outcome is Outcome.USAGE_LIMITED:
        return "limit_reached"
    if isinstance(event, events.Requeued):
        return None  # it is tried again
    match event.outcome:
        case Outcome.COMPLETED:
            return "review" if isinstance(event, events.Ended) and event.review is Review.WANTED else "finished"
        case Outcome.CANCELLED | Outcome.SKIPPED:
            return None  # a user has wanted it
        case Outcome.STALLED:
            return "stalled"
        case Outcome.OVER_BUDGET:
            return "over_budget"
    return "failed"


def _fields(event: events.Base, job: Job | None, link: str) -> dict[str, str]:
    name = "" if job is None or not job.node or job.node.isdigit() else f"{job.node}: "
    task = "" if job is None else shorten(" ".join(f"{name}{job.task}".split()), TASK_CHARS)
    page = f"{link.rstrip('/')}/#/job/{event.job}" if link else ""
    return {"job": event.job, "project": event.project, "task": task, "link": page}


def _present(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in fields.items() if text}


def _suffix(notice: Notice) -> str:
    reason = notice.fields.get("reason") or notice.fields.get("question", "")
    return f" ({shorten(' '.join(reason.split()), 120)})" if reason else ""
