"""Writes tests/data/imports.txt: what each command loads before it does anything. `make generate` runs it.

Of our own modules all are named, of others those that ours ask for. What most commands load alike has a row of its
own, which theirs name. A row that has grown makes its command slower at every start.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from luzia_client.cli.args.command_line import COMMANDS

PATH = Path(__file__).parents[2] / "data" / "imports.txt"
HEAD = """\
# What each command loads before it does anything: modules of ours, and those of others that ours ask for.
# Made by `make generate`. A command should load only what it needs at every start; the rest can be loaded later.
"""
SHARED = {
    "(parser)": "import luzia_client.cli.args.parser",
    "(client)": "import luzia_client.api.client",
}
PARSER = "from luzia_client.cli.args.parser import command_parser, load_command"
# Each row is taken in a fork of an interpreter that has loaded nothing of ours.
TAKE = """
import builtins, os, sys
OURS = ("luzia_client", "luzia_protocol")
real, asked = builtins.__import__, set()

def noting(name, globals=None, locals=None, fromlist=(), level=0):
    if (globals or {}).get("__name__", "").partition(".")[0] in OURS:
        asked.add(name.partition(".")[0])
    return real(name, globals, locals, fromlist, level)

for line in sys.stdin.read().splitlines():
    row, _, code = line.partition("|")
    pid = os.fork()
    if pid == 0:
        builtins.__import__ = noting
        exec(code)
        ours = {name for name in sys.modules if name.partition(".")[0] in OURS}
        print(row, *sorted(ours | (asked - set(OURS) - {"__future__"})), flush=True)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0, row
"""


def taken() -> dict[str, set[str]]:
    """Row -> the modules that are loaded."""
    codes = {
        **SHARED,
        "--help": "from luzia_client.cli import main; from luzia_client.cli.help import usage; usage.format_commands()",
        "--complete": "from luzia_client.cli import main; from luzia_client.cli.completion import complete",
        **{
            name: f"from luzia_client.cli import main; {PARSER}; command_parser({name!r}, load_command({name!r}))"
            for name in COMMANDS
        },
        "jobs_alone": "from luzia_client.cli import main; from luzia_client.cli.show import listing, tables",
        "jobs_id": "from luzia_client.cli import main; from luzia_client.cli.show import job_pages",
        "dispatch": "from luzia_client.cli import main; from luzia_client.cli.commands import dispatch",
        "run": "from luzia_client.cli import main; from luzia_client.cli.commands import run",
    }
    lines = "".join(f"{row}|{code}\n" for row, code in codes.items())
    done = subprocess.run([sys.executable, "-c", TAKE], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    return {row: set(names) for row, *names in map(str.split, done.stdout.splitlines())}


def table(rows: dict[str, set[str]]) -> str:
    """The file."""
    shared = {name: rows[name] for name in SHARED}
    lines = []
    for row, names in rows.items():
        parts = [name for name, of in shared.items() if row not in shared and of <= names]
        left = names.difference(*(shared[name] for name in parts))
        lines.append(textwrap.fill(" ".join([f"{row}:", *parts, *sorted(left)]), 120, subsequent_indent="    "))
    return HEAD + "\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PATH.write_text(table(taken()))
