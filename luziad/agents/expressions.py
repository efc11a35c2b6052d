"""Expressions of mappings: JMESPath (https://jmespath.org), compiled once and evaluated for each line. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luziad.agents.json_values import one_line

MAX_EXPRESSION_CHARS = 2000
MAX_DEPTH = 30
"""How deeply an expression may be nested."""

Search = Callable[[Any], Any]
"""A compiled expression: the value that it finds in a line. None means no value, and so do null and false."""


class ExpressionError(ValueError):
    """An invalid expression. words: what is wrong. column: where, from 1."""

    def __init__(self, words: str, column: int = 1) -> None:
        super().__init__(f"invalid expression at column {column}: {words}")
        self.words, self.column = words, column


def compile_expression(text: str) -> Search:
    """Compile an expression. Raises ExpressionError."""
    import jmespath  # few configurations have an expression, so only those load it
    from jmespath.exceptions import EmptyExpressionError, JMESPathError, LexerError, ParseError

    if len(text) > MAX_EXPRESSION_CHARS:
        raise ExpressionError(f"longer than {MAX_EXPRESSION_CHARS} characters", MAX_EXPRESSION_CHARS + 1)
    try:
        compiled = jmespath.compile(text)
        _check(compiled.parsed, text)
    except EmptyExpressionError as exc:
        raise ExpressionError("it is empty") from exc
    except LexerError as exc:
        raise ExpressionError(_lower(exc.message), exc.lexer_position + 1) from exc
    except ParseError as exc:
        found = f"unexpected '{one_line(str(exc.token_value), 40)}'" if exc.token_value else "incomplete"
        raise ExpressionError(found, exc.lex_position + 1) from exc
    except RecursionError as exc:
        raise ExpressionError("nested too deeply") from exc

    def search(event: Any) -> Any:
        try:
            found = compiled.search(event)
        except (JMESPathError, ArithmeticError, TypeError, ValueError, RecursionError):
            return None  # a function does not accept the value that the line has
        return None if found is False else found

    return search


def _check(node: Any, text: str, depth: int = 1) -> None:
    """Check what the library checks only when it evaluates: the names and arguments of functions. And the depth."""
    if depth > MAX_DEPTH:
        raise ExpressionError("nested too deeply")
    if node["type"] == "function_expression":
        _check_function(node["value"], len(node["children"]), text)
    for child in node["children"]:
        if isinstance(child, dict):
            _check(child, text, depth + 1)


def _check_function(name: str, given: int, text: str) -> None:
    from jmespath.functions import Functions

    column = text.find(f"{name}(") + 1
    if name not in Functions.FUNCTION_TABLE:
        raise ExpressionError(f"unknown function {name}()", column)
    signature = Functions.FUNCTION_TABLE[name]["signature"]
    variadic = bool(signature) and bool(signature[-1].get("variadic"))
    if given < len(signature) or (given > len(signature) and not variadic):
        least = "at least " if variadic else ""
        plural = "" if len(signature) == 1 else "s"
        raise ExpressionError(f"{name}() takes {least}{len(signature)} argument{plural}, found {given}", column)


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]
