"""Writes api/methods/ from api/async_methods/. `make generate` runs it; a test compares the result.

So each method of the two clients is written once. The blocking form is the other one without its `async` and `await`.
Not part of what is installed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WRITTEN = Path(__file__).parent / "async_methods"
MADE = Path(__file__).parent / "methods"
NOTE = "# Made from async_methods/{name} by `make generate`: change that file.\n"

RULES = (
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync_(?=methods\b|calling\b)", ""),
)


def blocking(source: str) -> str:
    """The blocking form of a module of coroutines."""
    for pattern, replacement in RULES:
        source = re.sub(pattern, replacement, source)
    return tidy(source)


def tidy(source: str) -> str:
    """The source as the linter wants it: imports in order, lines as long as they may be."""
    for command in (["check", "--quiet", "--select=I,UP028", "--fix", "--unsafe-fixes"], ["format", "--quiet"]):
        source = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(MADE / "x.py"), "-"],
            cwd=ROOT,
            input=source,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return source


def modules() -> dict[str, str]:
    """File names and their contents."""
    init = '"""The methods of Client for plain requests, made from those of AsyncClient by `make generate`."""\n'
    written = {path.name: path.read_text() for path in sorted(WRITTEN.glob("[!_]*.py"))}
    return {"__init__.py": init} | {name: NOTE.format(name=name) + blocking(source) for name, source in written.items()}


def main() -> None:
    """Write what has changed, and delete what nothing is written for any more."""
    MADE.mkdir(exist_ok=True)
    made = modules()
    for path in MADE.glob("*.py"):
        if path.name not in made:
            path.unlink()
    for name, content in made.items():
        path = MADE / name
        if not path.exists() or path.read_text() != content:
            path.write_text(content)


if __name__ == "__main__":
    main()
