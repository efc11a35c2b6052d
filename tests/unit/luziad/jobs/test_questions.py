"""Answers to questions of agents: what does not fit the question is refused with the choices."""

from __future__ import annotations

import pytest

from luzia_protocol.activity import Question, QuestionPart
from luzia_protocol.errors import Refused

from luziad.jobs.questions import parse_answer

PERMISSION = Question("1", "permission", "Bash", "rm -rf build")
COLOUR = Question("2", "question", "Ask", "", [QuestionPart("Which colour?", ["Red", "Blue"])])
COLOURS = Question("3", "question", "Ask", "", [QuestionPart("Which colours?", ["Red", "Blue"], many=True)])
NUMBER = Question("4", "question", "Ask", "", [QuestionPart("How many?")])


@pytest.mark.parametrize("answer", ["alow", "yes", "no", "Allow!"])
def test_a_single_word_that_is_neither_allow_nor_deny_is_refused(answer: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_answer(PERMISSION, [answer])
    assert caught.value.message == f"invalid answer '{answer}' to a permission request"
    assert caught.value.hint.startswith("Pass allow, deny")
    assert parse_answer(PERMISSION, ["deny", answer]).texts == [answer]
    assert parse_answer(PERMISSION, ["use make clean"]).texts == ["use make clean"]


@pytest.mark.parametrize(("question", "answer"), [(COLOUR, "7"), (COLOUR, "0"), (COLOURS, "1,7"), (COLOURS, "3")])
def test_a_number_without_an_option_is_refused_with_the_options(question: Question, answer: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_answer(question, [answer])
    assert caught.value.message == f"invalid option '{answer}'"
    assert caught.value.hint == "The options are: 1 Red; 2 Blue."


def test_numbers_select_options_and_other_texts_are_answers() -> None:
    assert parse_answer(COLOUR, ["2"]).texts == ["Blue"]
    assert parse_answer(COLOURS, ["2, 1"]).texts == ["Blue, Red"]
    assert parse_answer(COLOUR, ["green"]).texts == ["green"]
    assert parse_answer(NUMBER, ["7"]).texts == ["7"]
