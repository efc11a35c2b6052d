"""Questions of agents: which ones are open, and how an answer's text is parsed. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from luzia_protocol.activity import Question, QuestionPart
from luzia_protocol.errors import ErrorCode, Refused

from luziad.jobs.attempt import Answer
from luziad.jobs.record import AttemptRecord

MAX_ANSWER_BYTES = 16 * 1024


def open_questions(attempt: AttemptRecord) -> list[Question]:
    """The questions that have not been answered, oldest first."""
    asked = attempt.activity.asked if attempt.activity is not None else []
    if not attempt.answers:
        return asked
    answered = {answer.question for answer in attempt.answers}
    return [question for question in asked if question.id not in answered]


def describe_question(question: Question) -> str:
    """The question as one line of text."""
    if question.type == "permission":
        return f"asks to use {question.tool}: {question.text}" if question.text else f"asks to use {question.tool}"
    return f"asks: {question.text}"


def parse_answer(question: Question, words: Sequence[str]) -> Answer:
    """The answer to a question. texts: what the user wrote. Raises Refused when it does not fit the question."""
    if not words or not all(word.strip() for word in words):
        raise Refused(ErrorCode.BAD_REQUEST, "an answer needs words", "Write allow, deny, or a text.")
    if sum(len(word.encode()) for word in words) > MAX_ANSWER_BYTES:
        raise Refused(ErrorCode.BAD_REQUEST, f"an answer has at most {MAX_ANSWER_BYTES} bytes")
    first, rest = words[0].strip().lower(), list(words[1:])
    if first == "deny":
        return Answer(question.id, allow=False, texts=[" ".join(rest)] if rest else [])
    if question.type == "permission":
        if first == "allow" and not rest:
            return Answer(question.id, allow=True)
        if first == "allow":
            raise Refused(ErrorCode.BAD_REQUEST, "allow takes no more words", "Deny it, and say what to do instead.")
        return Answer(question.id, allow=False, texts=[" ".join(words)])
    if len(words) != len(question.parts):
        message = f"it asks {len(question.parts)} questions, and there are {len(words)} answers"
        raise Refused(ErrorCode.BAD_REQUEST, message, "Give one text for each, in their order, or deny.")
    return Answer(question.id, allow=True, texts=[_chosen(*pair) for pair in zip(question.parts, words, strict=True)])


def _chosen(part: QuestionPart, word: str) -> str:
    """The options that numbers stand for, with commas between where several may be given; or the text itself."""
    numbers = [each.strip() for each in word.split(",")] if part.many else [word.strip()]
    if all(each.isascii() and each.isdigit() and 1 <= int(each) <= len(part.options) for each in numbers):
        return ", ".join(part.options[int(each) - 1] for each in numbers)
    return word
