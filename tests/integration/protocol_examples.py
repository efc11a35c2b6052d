"""Reads the examples out of protocol/README.md, and compares their answers with what a daemon says.

In an expected answer `"…"` stands for any value, `…` inside a string for any characters, and a line `…` for
any number of lines. An object must have the fields shown and no others, unless one of them is `"…": "…"`.
`JOB` is the id of the job that was dispatched last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ANY = "…"

BLOCK = re.compile(r"^```(?P<kind>request|reply|sh)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """A request line and the lines that answer it, or a shell snippet (then `answers` is empty)."""

    line_number: int
    shell: bool
    text: str
    answers: list[str]


def examples(page: Path) -> Iterator[Example]:
    """The examples of a page in their order. A request without an answer is a mistake of the page's."""
    content = page.read_text()
    blocks = list(BLOCK.finditer(content))
    for index, block in enumerate(blocks):
        line_number = content.count("\n", 0, block.start()) + 1
        if block["kind"] == "sh":
            yield Example(line_number, True, block["text"], [])
        elif block["kind"] == "request":
            reply = blocks[index + 1]
            assert reply["kind"] == "reply", f"line {line_number}: a request without an answer"
            yield Example(line_number, False, block["text"], reply["text"].splitlines())


def matches(expected: Any, got: Any) -> bool:
    """Whether a value is what an example shows."""
    if expected == ANY:
        return True
    if isinstance(expected, str) and ANY in expected:
        pattern = ".*".join(re.escape(part) for part in expected.split(ANY))
        return isinstance(got, str) and re.fullmatch(pattern, got, re.DOTALL) is not None
    if isinstance(expected, dict):
        named = {key: value for key, value in expected.items() if key != ANY}
        if not isinstance(got, dict) or not named.keys() <= got.keys():
            return False
        if ANY not in expected and named.keys() != got.keys():
            return False
        return all(matches(value, got[key]) for key, value in named.items())
    if isinstance(expected, list):
        if not isinstance(got, list) or len(expected) != len(got):
            return False
        return all(map(matches, expected, got))
    return type(expected) is type(got) and bool(expected == got)


def check_answers(expected: list[str], lines: Iterator[str]) -> list[Any]:
    """Read `lines` until all that is expected has come, and return what was read, decoded.

    Raises AssertionError at the first line that differs.
    """
    read: list[Any] = []
    skipping = False
    for line in expected:
        if line == ANY:
            skipping = True
            continue
        wanted = json.loads(line)
        while True:
            got = next(lines, "")
            assert got, f"\nexpected: {line}\nbut the daemon hung up"
            read.append(json.loads(got))
            if matches(wanted, read[-1]):
                break
            assert skipping, f"\nexpected: {line}\ngot:      {json.dumps(read[-1], ensure_ascii=False)}"
        skipping = False
    return read
