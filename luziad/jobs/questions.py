"""Questions of agents: which ones are open, and how an answer's text is parsed. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from luzia_protocol.activity import Question, QuestionPart
from luzia_protocol.errors import ErrorCode, Refused

from luziad.jobs.attempt import Answer
from luziad.jobs.record import AttemptRecord

MAX_ANSWER_BYTES = 16 * 1024

_DECISIONS = ("yes", "y", "no", "n", "ok", "okay", "sure", "approve", "approved", "reject", "permit", "go")
"""Beginnings of answers that mean a permission or its denial, and do not say which in luzia's words."""
_NUMBERS = re.compile(r"[\s#(),.;+-]*\d[\d\s#(),.;+-]*")


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


def parse_answer(question: Question, texts: Sequence[str]) -> Answer:
    """The answer to a question. texts: what the user wrote. Raises Refused when it does not fit the question."""
    if not texts or not all(text.strip() for text in texts):
        raise Refused(ErrorCode.BAD_REQUEST, "the answer is empty", "Pass allow, deny, or a text.")
    if sum(len(text.encode()) for text in texts) > MAX_ANSWER_BYTES:
        raise Refused(ErrorCode.BAD_REQUEST, f"the answer is too long: the limit is {MAX_ANSWER_BYTES} bytes")
    first, rest = texts[0].strip().lower(), list(texts[1:])
    if first == "deny":
        return Answer(question.id, allow=False, texts=[" ".join(rest)] if rest else [])
    if question.type == "permission":
        if first == "allow" and not rest:
            return Answer(question.id, allow=True)
        if first == "allow":
            raise Refused(ErrorCode.BAD_REQUEST, "allow takes no text", "Use deny to say what to do instead.")
        text = " ".join(texts)
        if len(text.split()) == 1 or _is_decision(texts[0].split()[0]):  # rather misspelt than an instruction
            choices = "Pass allow, deny, or deny with a text that says what to do instead."
            raise Refused(ErrorCode.BAD_REQUEST, f"invalid answer '{text}' to a permission request", choices)
        return Answer(question.id, allow=False, texts=[text])
    if len(texts) != len(question.parts):
        message = f"expected {_count(len(question.parts), 'answer')}, got {len(texts)}"
        raise Refused(ErrorCode.BAD_REQUEST, message, "Pass one text for each question, in order, or deny.")
    return Answer(question.id, allow=True, texts=[_choose(*pair) for pair in zip(question.parts, texts, strict=True)])


def _is_decision(word: str) -> bool:
    """Whether a word looks like a decision, other than `allow` and `deny`."""
    plain = word.lower().strip(".,;:!?")
    return plain in _DECISIONS or bool(difflib.get_close_matches(plain, ("allow", "deny"), cutoff=0.75))


def _choose(part: QuestionPart, text: str) -> str:
    """The options that the text selects by their numbers or names, separated by commas; otherwise the text.

    Raises Refused for a number without an option, and for several where one is to be chosen.
    """
    words = [each.strip() for each in text.split(",")] if part.many else [text.strip()]
    if part.options and all(words):
        chosen = [_find_option(part.options, each) for each in words]
        if all(each is not None for each in chosen):
            return ", ".join(dict.fromkeys(each for each in chosen if each is not None))
    if part.options and _NUMBERS.fullmatch(text):
        choices = "; ".join(f"{number} {option}" for number, option in enumerate(part.options, 1))
        what = "" if part.many or "," not in text else "Choose one. "
        raise Refused(ErrorCode.BAD_REQUEST, f"invalid option '{text}'", f"{what}The options are: {choices}.")
    return text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _find_option(options: Sequence[str], word: str) -> str | None:
    """The option with this number, or with this name in any case."""
    if word.isascii() and word.isdigit():
        named = [option for option in options if option == word]
        return named[0] if named else options[int(word) - 1] if 1 <= int(word) <= len(options) else None
    return next((option for option in options if option.casefold() == word.casefold()), None)
