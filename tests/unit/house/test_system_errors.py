"""A message says what the system says of an error, and not what Python makes of it: `[Errno 2] No such file: 'x'`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from luziad.supervise.system_errors import describe_error
from support import ROOT

FILES = [path for package in ("luziad", "luzia_client") for path in sorted((ROOT / package).rglob("*.py"))]


def shown_errors(tree: ast.AST) -> Iterator[int]:
    """The lines of f-strings that show an OSError as it is caught."""
    for handler in ast.walk(tree):
        if isinstance(handler, ast.ExceptHandler) and handler.type is not None and handler.name is not None:
            if "OSError" not in ast.unparse(handler.type):
                continue
            for part in ast.walk(handler):
                if (
                    isinstance(part, ast.FormattedValue)
                    and isinstance(part.value, ast.Name)
                    and part.value.id == handler.name
                ):
                    yield part.lineno


def test_no_message_shows_an_error_as_python_writes_it() -> None:
    found = [f"{path.relative_to(ROOT)}:{line}" for path in FILES for line in shown_errors(ast.parse(path.read_text()))]
    assert not found, "use describe_error(), or strerror in the client"


def test_an_error_is_told_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught:
        (tmp_path / "missing").read_bytes()
    assert describe_error(caught.value) == f"{tmp_path}/missing: No such file or directory"
    assert describe_error(OSError(28, "No space left on device")) == "No space left on device"
    assert describe_error(ValueError("too large")) == "too large"
