"""The project of `luzia demo`: a small git repository, and five commands for it, made from the files in data/."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

MODULES = 10

_DATA = os.path.join(os.path.dirname(__file__), "data")
_FLAW = "\n/* This line is far too long for a screen of eighty columns, which `lint` will find and fail on. */\n"
_SCRIPTS = ("clone", "compile", "test", "count-lines", "lint")
_AUTHOR = ("-c", "user.name=demo", "-c", "user.email=demo@localhost")

TASKS = [f"./{name}" for name in _SCRIPTS]


def make_project(directory: str) -> int:
    """Create the project and commit it; returns the number of files. Raises CalledProcessError."""
    files = {"README.md": "# poly\n\nTen polynomials, in C and in Python.\n"}
    for n in range(1, MODULES + 1):
        files[f"src/poly_{n:02}.c"] = _template("poly.c.txt", n) + (_FLAW if n == MODULES - 2 else "")
        files[f"python/poly_{n}.py"] = _template("poly.py.txt", n)
        files[f"python/test_poly_{n}.py"] = _template("test_poly.py.txt", n)
    for name in _SCRIPTS:
        files[name] = _template("each.sh") + _template(f"{name}.sh")
    for name, text in files.items():
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755 if name in _SCRIPTS else 0o644)
    for command in (
        ["init", "--quiet"],
        ["add", "."],
        [*_AUTHOR, "commit", "--quiet", "-m", "Ten polynomials"],
    ):
        subprocess.run(["git", *command], cwd=directory, check=True, capture_output=True, text=True)
    return len(files)


def job_variables() -> dict[str, str]:
    """The variables of the commands: the Python interpreter, and the sources to compile."""
    sources = "src/*.c" if shutil.which("cc") is not None else "python/poly_*.py"
    return {"PYTHON": sys.executable, "SOURCES": sources}


def _template(name: str, number: int = 0) -> str:
    """A file in data/ with the number of its module."""
    with open(os.path.join(_DATA, name), encoding="utf-8") as file:
        return file.read().replace("@N@", str(number))
