"""The expressions of a mapping: valid ones find values in any line, invalid ones are refused with their place."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from luziad.agents.expressions import MAX_DEPTH, MAX_EXPRESSION_CHARS, ExpressionError, compile_expression
from luziad.agents.jsonl_fields import parse_field


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "it is empty"),
        ("a..b", 3, "unexpected '.'"),
        ("a b", 3, "unexpected 'b'"),
        ("items[?state=='done'.text", 26, "incomplete"),
        ("a.b.", 5, "incomplete"),
        ("state = 'ok'", 7, "unknown token '='"),
        ("a == 'b", 6, "unclosed ' delimiter"),
        ("a || len(b)", 6, "unknown function len()"),
        ("contains(a)", 1, "contains() takes 2 arguments, found 1"),
        ("not_null()", 1, "not_null() takes at least 1 argument, found 0"),
        ("a" * (MAX_EXPRESSION_CHARS + 1), MAX_EXPRESSION_CHARS + 1, "longer than 2000 characters"),
        ("!" * (MAX_DEPTH + 1) + "a", 1, "nested too deeply"),
        ("(" * 900 + "a" + ")" * 900, 1, "nested too deeply"),
    ],
)
def test_an_invalid_expression_is_refused_with_its_place(text: str, column: int, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert str(caught.value) == f"invalid expression at column {column}: {words}"


def test_the_column_counts_from_the_beginning_of_the_field() -> None:
    with pytest.raises(ExpressionError, match="at column 8:"):
        parse_field("end: a b")


@pytest.mark.parametrize(
    ("text", "line", "value"),
    [
        ("parts[].text", {"parts": [{"text": "a"}, {"n": 1}, {"text": "b"}]}, ["a", "b"]),
        ("parts[?kind == 'say' && n > `1`].n", {"parts": [{"kind": "say", "n": 1}, {"kind": "say", "n": 2}]}, [2]),
        ("starts_with(words, 'API Error') && words", {"words": "API Error: 500"}, "API Error: 500"),
        ("starts_with(words, 'API Error') && words", {"words": "fine"}, None),
        ("state != 'ok' && (reason || 'unknown')", {"state": "bad"}, "unknown"),
        ("ok", {"ok": False}, None),
        ("ok", {"ok": None}, None),
        ("count", {"count": 0}, 0),
    ],
)
def test_an_expression_iterates_compares_and_combines(text: str, line: Any, value: Any) -> None:
    assert compile_expression(text)(line) == value


@pytest.mark.parametrize("value", [None, True, 7, 2**70, -1.5, "x", "", [], [1, "a", None], {}, {"a": {"b": []}}])
@pytest.mark.parametrize(
    "text",
    [
        "starts_with(a, 'x')", "sum(a)", "max(a)", "sort(a)", "join('', a)", "keys(a)", "length(a)", "to_number(a)",
        "ceil(to_number(a))", "a[?b > `1`]", "a[0].b.c", "a.*", "merge(a, a)", "reverse(a)", "map(&b, a)", "avg(a)",
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_no_value(text: str, value: Any) -> None:
    compile_expression(text)({"a": value})


def test_the_library_is_loaded_only_for_a_configuration_with_an_expression() -> None:
    code = """
import sys
from luziad import app
from luziad.agents import registry
from luziad.config.check import check_config
registry.build(check_config("config.toml", '[agents.mine]\\ncommand = ["mine", "{task}"]').agents)
assert "jmespath" not in sys.modules
mapped = '[agents.mine]\\ncommand = ["mine", "{task}"]\\nreader = "jsonl"\\njsonl = { text = "a" }'
check_config("config.toml", mapped)
assert "jmespath" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
