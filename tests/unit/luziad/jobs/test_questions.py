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


@pytest.mark.parametrize("answer", ["yes, go ahead", "go ahead", "No, use make", "alow it", "denny that", "OK do it"])
def test_a_text_that_begins_as_a_decision_and_is_none_is_refused(answer: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_answer(PERMISSION, answer.split())
    assert caught.value.message == f"invalid answer '{answer}' to a permission request"


@pytest.mark.parametrize(
    ("question", "answer"),
    [(COLOUR, "7"), (COLOUR, "0"), (COLOUR, "-1"), (COLOUR, "#3"), (COLOURS, "1,7"), (COLOURS, "3"), (COLOURS, "1,")],
)
def test_a_number_without_an_option_is_refused_with_the_options(question: Question, answer: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_answer(question, [answer])
    assert caught.value.message == f"invalid option '{answer}'"
    assert caught.value.hint == "The options are: 1 Red; 2 Blue."


def test_numbers_select_options_and_other_texts_are_answers() -> None:
    assert parse_answer(COLOUR, ["2"]).texts == ["Blue"]
    assert parse_answer(COLOURS, ["2, 1"]).texts == ["Blue, Red"]
    assert parse_answer(COLOUR, ["blue"]).texts == ["Blue"]
    assert parse_answer(COLOURS, ["RED, 2"]).texts == ["Red, Blue"]
    assert parse_answer(COLOURS, ["2,2"]).texts == ["Blue"]
    assert parse_answer(COLOUR, ["green"]).texts == ["green"]
    assert parse_answer(NUMBER, ["7"]).texts == ["7"]


def test_several_options_are_refused_where_one_is_to_be_chosen() -> None:
    with pytest.raises(Refused) as caught:
        parse_answer(COLOUR, ["1,2"])
    assert caught.value.hint == "Choose one. The options are: 1 Red; 2 Blue."


def test_an_option_that_is_a_number_is_chosen_by_itself() -> None:
    ports = Question("5", "question", "Ask", "", [QuestionPart("How many?", ["3", "1"])])
    assert parse_answer(ports, ["1"]).texts == ["1"]
