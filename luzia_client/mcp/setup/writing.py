"""Shows a change of an agent's configuration file, and makes it when it is told to."""

from __future__ import annotations

import difflib
import os
import stat
import tempfile

from luzia_client.cli.show.text import harmless
from luzia_client.mcp.setup.agents import changed_text


def change_file(agent: str, command: list[str] | None, *, write: bool) -> None:
    """Print what changes, and write it if `write`. command: of luzia's MCP server; None removes it.

    Raises UsageError, and OSError.
    """
    path, before, after = changed_text(agent, command)
    if before == after:
        print(harmless(f"{path}: nothing to change"))
        return
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path, f"{path} (new)", lineterm="")
    print("\n".join(harmless(line) for line in lines))
    if write:
        _replace(path, after)
        print(harmless(f"Written: {path}. Restart {agent} to use it."))
    else:
        print("Nothing is written yet. Write it with --yes.")


def _replace(path: str, text: str) -> None:
    """Replace the file in one step, with the mode that it has; behind a symbolic link, its target."""
    target = os.path.realpath(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        mode = stat.S_IMODE(os.stat(target).st_mode)
    except FileNotFoundError:
        mode = 0o600
    written, name = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".luzia-")
    try:
        with open(written, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
