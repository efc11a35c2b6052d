"""Makes api/client.py from api/async_client.py. `make generate` runs it; a test compares the result.

So every method of the two clients is written once. The blocking form is the other one without its `async` and `await`.
It is not installed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = Path(__file__).parent / "async_client.py"
RESULT = Path(__file__).parent / "client.py"
HEADER = '''# Generated from async_client.py by `make generate`. Edit that file.
"""The blocking client. AsyncClient has the same methods as coroutines."""
'''

RULES = (
    (
        r"A client for asyncio programs\. Tasks of one event loop may share one; their requests are concurrent\.",
        "A client whose methods block until the reply arrives. Threads may share one.",
    ),
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync_(?=caller\b)", ""),
    (r"__a(enter|exit)__", r"__\1__"),
    (r'^""".*?"""\n', HEADER),
)


def blocking(source: str) -> str:
    """The blocking form of the asynchronous client, formatted."""
    for pattern, replacement in RULES:
        source, count = re.subn(pattern, replacement, source, flags=re.DOTALL)
        assert count, f"no match: {pattern}"
    return formatted(source)


def formatted(source: str) -> str:
    """The source as the linter requires it: sorted imports, wrapped lines."""
    for command in (["check", "--quiet", "--select=I,UP028", "--fix", "--unsafe-fixes"], ["format", "--quiet"]):
        source = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(RESULT), "-"],
            cwd=ROOT,
            input=source,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return source


def main() -> None:
    """Write client.py, if it has changed."""
    source = blocking(SOURCE.read_text())
    if RESULT.read_text() != source:
        RESULT.write_text(source)


if __name__ == "__main__":
    main()
