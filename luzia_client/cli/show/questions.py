"""An agent's question, and the commands that answer it. Pure."""

from __future__ import annotations

from itertools import zip_longest

from luzia_client.cli.show.text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_protocol.jobs import Job

_MAX_CHARS = 1000


def describe_question(job: Job) -> list[tuple[str, str]]:
    """Labels and values of the agent's question; an empty label continues the value above."""
    question = job.question
    if question is None:
        return []
    if question.type == "permission":
        rows = [f"permission to use {one_line(question.tool)}: {one_line(question.text, _MAX_CHARS)}"]
    else:
        rows = []
        for part in question.parts:
            rows.append(one_line(part.text, _MAX_CHARS) + (" (several answers allowed)" if part.many else ""))
            options = zip_longest(part.options, part.descriptions, fillvalue="")
            for number, words in enumerate(options, 1):
                rows.append(f"  {number}  {': '.join(one_line(each) for each in words if each)}")
    others = len(job.activity.asked) - 1 if job.activity is not None else 0
    if others > 0:
        rows.append(f"… {others} more; list them with their ids: luzia jobs {job.id} --json")
    return [("" if number else "Question", row) for number, row in enumerate(rows)]


def suggest_answers(job: Job) -> list[str]:
    """The commands that answer the question."""
    if job.question is None:
        return []
    if job.question.type == "permission":
        return [f"luzia answer {job.id} allow", f'luzia answer {job.id} deny "use git mv"']
    texts = " ".join(['"…"'] * max(1, len(job.question.parts)))
    return [f"luzia answer {job.id} {texts}"]
