"""An agent's question as a form for a user, and the user's form as an answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_types import ElicitRequest, ElicitRequestFormParams

from luzia_protocol.activity import Question, QuestionPart
from luzia_protocol.jobs import Job

Content = Mapping[str, Any]


def open_questions(job: Job) -> list[Question]:
    """The questions of a job that nobody has answered, the oldest first."""
    if job.activity is not None and job.activity.asked:
        return job.activity.asked
    return [] if job.question is None else [job.question]


def make_form(job: Job, question: Question) -> ElicitRequest:
    """What a client asks its user."""
    if question.type == "permission":
        message = f"The agent of job {job.id} asks for permission to use {question.tool}: {question.text}"
        properties: dict[str, Any] = {
            "answer": {"type": "string", "title": "Answer", "enum": ["allow", "deny"]},
            "instead": {"type": "string", "title": "What to do instead, if you deny it"},
        }
        required = ["answer"]
    else:
        message = f"The agent of job {job.id} asks: {' '.join(part.text for part in question.parts) or question.text}"
        properties, required = {}, []
        for number, part in enumerate(question.parts, 1):
            properties |= _fields(number, part)
    schema = {"type": "object", "properties": properties, "required": required}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _fields(number: int, part: QuestionPart) -> dict[str, Any]:
    own = {"type": "string", "title": part.text}
    if not part.options:
        return {f"answer{number}": own}
    if part.many:
        options = ", ".join(f"{place} {option}" for place, option in enumerate(part.options, 1))
        return {f"answer{number}": own | {"description": f"Numbers with commas between: {options}"}}
    return {
        f"answer{number}": own | {"enum": part.options},
        f"other{number}": {"type": "string", "title": "Another answer"},
    }


def read_form(question: Question, action: str, content: Content | None) -> list[str]:
    """The words of an answer, as the request `answer` takes them; none if the user gave no answer."""
    if action == "decline":
        return ["deny"]
    if action != "accept" or not content:
        return []
    if question.type == "permission":
        answer, instead = str(content.get("answer", "")), str(content.get("instead") or "")
        return [answer, instead] if instead and answer == "deny" else [answer]
    numbers = range(1, len(question.parts) + 1)
    return [str(content.get(f"other{number}") or content.get(f"answer{number}") or "") for number in numbers]
