"""The native luzia reads and writes text and JSON as Python does, also what nobody should send."""

from __future__ import annotations

import base64
import binascii
import json
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from luzia_client.cli.show.text import harmless_json
from native_programs import HAS_COMPILER, NATIVE, compile_sanitized

pytestmark = pytest.mark.skipif(not HAS_COMPILER, reason="needs a C compiler")

INPUTS = int(os.environ.get("FUZZ_INPUTS", "4000"))
"""Inputs for each function; `make fuzz` makes it a million for all of them."""

Run = Callable[[str, list[bytes]], list["bytes | None"]]
CHARACTERS = '"\\/\b\f\n\r\tabnu{}[]:, 019eE+-.\x00\x01\x1f\x7f\x80\x9bäß\u2003\u2028\u202e\ufeff世🎉\U0010ffff'
SCRAPS = (
    *('"', "\\", "\\u", "\\ud83c", "\\udf89", "\\u00e4", "\\n", "\\x", "{", "}", "[", "]", ":", ",", " ", "\n", "\t"),
    *("true", "false", "null", "nul", "0", "-", "1.5", "1e5", "01", ".5", "1.", "-0", "1E+9", "NaN", "Infinity"),
    *('"a"', '"b"', '{"a":', '{"b":', '"ä"', "\x00", "\x7f", "x", '{"a":{"b":"', '"}}', '{"a":[', "]}", "[]", "{}"),
)


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with TemporaryDirectory(prefix="lz-") as directory:
        program = compile_sanitized(
            Path(directory) / "harness", Path(__file__).with_name("harness.c"), NATIVE / "text.c"
        )

        def feed(function: str, inputs: list[bytes]) -> list[bytes | None]:
            lines = "".join(f"{function}{each.hex()}\n" for each in inputs)
            done = subprocess.run([program], input=lines, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return [None if line == "-" else bytes.fromhex(line) for line in done.stdout.splitlines()]

        yield feed


def check(run: Run, function: str, inputs: list[bytes], expected: Callable[[bytes], bytes | None]) -> None:
    """Compare what the native function and the Python one make of each input."""
    for given, result in zip(inputs, run(function, inputs), strict=True):
        assert result == expected(given), (function, given)


def some_text(chance: random.Random) -> str:
    return "".join(chance.choices(CHARACTERS, k=chance.randrange(12)))


def some_bytes(chance: random.Random) -> bytes:
    data = bytearray(some_text(chance).encode())
    for _ in range(chance.randrange(3)):
        if data:
            data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def some_json(chance: random.Random, depth: int = 4) -> object:
    kind = chance.randrange(8 if depth else 5)
    if kind < 2:
        return some_text(chance)
    if kind < 5:
        return chance.choice([None, True, False, 0, -1, 12, 1.5, 1e300, chance.random()])
    if kind == 5:
        return [some_json(chance, depth - 1) for _ in range(chance.randrange(4))]
    return {
        chance.choice("abc") + some_text(chance)[:1]: some_json(chance, depth - 1) for _ in range(chance.randrange(4))
    }


def some_line(chance: random.Random) -> bytes:
    """JSON, almost JSON, or scraps of it."""
    if chance.random() < 0.4:
        return "".join(chance.choices(SCRAPS, k=chance.randrange(9))).encode()
    value = chance.choice([some_json(chance), {"a": {"b": some_json(chance)}}, {"a": some_json(chance)}])
    data = bytearray(json.dumps(value, ensure_ascii=chance.random() < 0.3).encode())
    if data and chance.random() < 0.5:
        data[chance.randrange(len(data))] = chance.choice(b'"\\{}[]:,0e-\x00\x1f\xff\xc3 ')
    return bytes(data[: chance.randrange(len(data) + 1)] if chance.random() < 0.1 else data)


def parsed(data: bytes) -> object:
    """What Python's reader makes of a line, without the constants that are no JSON. Raises ValueError."""

    def refuse(constant: str) -> object:
        raise ValueError(constant)

    return json.loads(data.decode(), parse_constant=refuse)


def is_json(data: bytes) -> bytes | None:
    try:
        parsed(data)
    except ValueError:
        return None
    return b""


def string_at(data: bytes) -> bytes | None:
    try:
        value = parsed(data)["a"]["b"]  # type: ignore[index]
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    return value.encode(errors="surrogatepass") if isinstance(value, str) else None


def is_utf8(data: bytes) -> bytes | None:
    try:
        data.decode()
    except UnicodeDecodeError:
        return None
    return b""


def decoded(data: bytes) -> bytes | None:
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        return None


def test_strings_are_written_as_python_writes_them(run: Run) -> None:
    chance = random.Random(1)
    texts = [some_text(chance).encode() for _ in range(INPUTS)] + [chr(code).encode() for code in range(0xD800)]
    check(run, "q", texts, lambda given: json.dumps(given.decode(), ensure_ascii=False).encode())


def some_number(chance: random.Random) -> float:
    kind = chance.randrange(3)
    if kind == 0:
        return chance.random()
    return chance.expovariate(1e-6) if kind == 1 else float(10 ** chance.uniform(-300, 300))


def test_numbers_are_written_as_python_writes_them(run: Run) -> None:
    chance = random.Random(2)
    numbers = [0.0, 1.0, 90.0, 0.1, 1e16, 1e15, 1e-4, 9.9e-5, 123456789.125, 5e-324, 1.7e308]
    numbers += [some_number(chance) for _ in range(INPUTS)]
    check(run, "f", [repr(number).encode() for number in numbers], lambda given: json.dumps(float(given)).encode())


def test_utf8_and_white_space_are_recognized(run: Run) -> None:
    chance = random.Random(3)
    data = [some_bytes(chance) for _ in range(INPUTS)]
    check(run, "u", data, is_utf8)
    blanks = [chr(code).encode() for code in range(0xD800)] + [
        "".join(chance.choices(" \t\u2003\u2028x", k=3)).encode() for _ in range(500)
    ]
    check(run, "w", blanks, lambda given: b"" if not given.decode().strip() else None)


def test_controls_in_json_are_escaped_alike(run: Run) -> None:
    chance = random.Random(4)
    lines = [json.dumps(some_json(chance), ensure_ascii=False).encode() for _ in range(INPUTS)]
    check(run, "h", lines, lambda given: harmless_json(given.decode()).encode())


def test_base64_is_decoded_or_refused_alike(run: Run) -> None:
    chance = random.Random(5)
    texts = [base64.b64encode(chance.randbytes(chance.randrange(40))) for _ in range(INPUTS)]
    spoilt = [text[:-1] + bytes([chance.randrange(256)]) for text in texts[:1000] if text and b"=" not in text]
    check(run, "b", texts, decoded)
    for given, result in zip(spoilt, run("b", spoilt), strict=True):
        assert result in (decoded(given), None), given
        assert result is not None or decoded(given) is None or given[-1:] == b"=", given


def test_json_is_accepted_and_refused_alike(run: Run) -> None:
    chance = random.Random(6)
    check(run, "j", [some_line(chance) for _ in range(INPUTS)], is_json)
    assert run("j", [b"[" * 1000 + b"]" * 1000]) == [None]  # deeper than any reply


def test_strings_are_read_as_python_reads_them(run: Run) -> None:
    chance = random.Random(7)
    lines = [some_line(chance) for _ in range(INPUTS)]
    for given, result in zip(lines, run("s", lines), strict=True):
        # What needs more than its bytes is left to the Python program: an escape by number, in the text or in a name.
        assert result == string_at(given) or (result is None and b"\\u" in given), given


def test_elements_are_found_alike(run: Run) -> None:
    chance = random.Random(8)
    values = [[some_json(chance) for _ in range(chance.randrange(4))] for _ in range(INPUTS)]
    lines = [json.dumps({"a": value}, ensure_ascii=False, indent=chance.choice([None, 1])).encode() for value in values]
    for value, result in zip(values, run("e", lines), strict=True):
        decoder, at, found, text = json.JSONDecoder(), 0, [], (result or b"").decode()
        while at < len(text):
            each, at = decoder.raw_decode(text, at)
            found.append(each)
            at += 1
        assert found == value
