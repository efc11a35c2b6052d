"""The project of `luzia demo`: a small git repository, and five commands for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

MODULES = 10

_C_MODULE = """\
/* Polynomial number {n}: evaluates, derives and sums it. */
#include <stddef.h>

static const double coefficients[] = {{ {n}.0, {n}.5, -{n}.25, 0.125 }};

double poly_{n}_value(double x)
{{
    double sum = 0.0;
    for (size_t i = sizeof coefficients / sizeof *coefficients; i-- > 0;)
        sum = sum * x + coefficients[i];
    return sum;
}}

double poly_{n}_slope(double x)
{{
    const double step = 1e-6;
    return (poly_{n}_value(x + step) - poly_{n}_value(x - step)) / (2 * step);
}}
{flaw}"""

_FLAW = "\n/* This line is far too long for a screen of eighty columns, which `lint` will find and fail on. */\n"

_PY_MODULE = '''\
"""Polynomial number {n}."""

COEFFICIENTS = ({n}.0, {n}.5, -{n}.25, 0.125)


def value(x):
    result = 0.0
    for coefficient in reversed(COEFFICIENTS):
        result = result * x + coefficient
    return result
'''

_PY_TEST = """\
import unittest

from poly_{n} import COEFFICIENTS, value


class Poly{n}(unittest.TestCase):
    def test_is_the_first_coefficient_at_zero(self):
        self.assertEqual(value(0), COEFFICIENTS[0])

    def test_is_the_sum_of_coefficients_at_one(self):
        self.assertAlmostEqual(value(1), sum(COEFFICIENTS))
"""

_EACH = """\
#!/bin/sh
# Runs one step for each file, and reports the progress.
set -e
each() {{
    label=$1; shift
    done=0
    for file; do
        step "$file"
        done=$((done + 1))
        luzia progress $((100 * done / $#)) "$label $done/$#"
    done
}}
{body}"""

_SCRIPTS = {
    "clone": """\
step() {
    case $1 in
        clone) git clone --quiet . ../copy ;;
        check) git -C ../copy fsck --no-progress ;;
        compare) git -C ../copy diff --exit-code HEAD ;;
        pack) git -C ../copy gc --quiet ;;
    esac
    echo "$1: done"
}
each cloned clone check compare pack
""",
    "compile": """\
mkdir -p ../build
step() {
    echo "$1"
    case $1 in
        *.c) cc -O2 -Wall -c "$1" -o "../build/$(basename "$1").o" ;;
        *) PYTHONPYCACHEPREFIX=../build "$PYTHON" -m py_compile "$1" ;;
    esac
}
each compiled $SOURCES
""",
    "test": """\
step() { (cd python && PYTHONDONTWRITEBYTECODE=1 "$PYTHON" -m unittest -q "$(basename "$1" .py)"); }
each tested python/test_*.py
""",
    "count-lines": """\
step() { wc -l "$1"; }
each counted *.md python/poly_*
git ls-files -z | xargs -0 cat | wc -l
""",
    "lint": """\
step() {
    if grep -n '.\\{80\\}' "$1"; then
        echo "$1: a line is longer than 79 characters" >&2
        exit 1
    fi
}
each linted src/*
""",
}

_AUTHOR = ("-c", "user.name=demo", "-c", "user.email=demo@localhost")

TASKS = [f"./{name}" for name in _SCRIPTS]


def make_project(directory: str) -> int:
    """Create the project and commit it; returns the number of files. Raises CalledProcessError."""
    files = {"README.md": "# poly\n\nTen polynomials, in C and in Python.\n"}
    for n in range(1, MODULES + 1):
        flaw = _FLAW if n == MODULES - 2 else ""
        files[f"src/poly_{n:02}.c"] = _C_MODULE.format(n=n, flaw=flaw)
        files[f"python/poly_{n}.py"] = _PY_MODULE.format(n=n)
        files[f"python/test_poly_{n}.py"] = _PY_TEST.format(n=n)
    for name, body in _SCRIPTS.items():
        files[name] = _EACH.format(body=body)
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
