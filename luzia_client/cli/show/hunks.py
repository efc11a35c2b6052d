"""A job's unmerged changes as text, with the number of each hunk."""

from __future__ import annotations

from collections.abc import Iterator

from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import harmless
from luzia_client.trees.patch import FileChange, Hunk

_STYLES = {"+": "green", "-": "red"}
_NO_FILE = "000000"


def format_changes(files: list[FileChange], screen: Screen) -> Iterator[str]:
    """The lines to print for the files: their names, and each hunk below its place, `PATH:N`."""
    for file in files:
        yield screen.paint(harmless(_title(file)), "bold")
        for hunk in file.hunks:
            yield screen.paint(harmless(_heading(file, hunk)), "cyan")
            for line in hunk.lines:
                yield screen.paint(harmless(f"{line.kind}{line.text}"), _STYLES.get(line.kind, ""))
                if not line.has_newline:
                    yield screen.paint("\\ No newline at end of file", "dim")


def _title(file: FileChange) -> str:
    parts = [f"from {file.old_path}"] if file.old_path is not None else []
    if file.status != "modified":
        parts.insert(0, file.status)
    if file.old_mode != file.new_mode and _NO_FILE not in (file.old_mode, file.new_mode):
        parts.append(f"mode {file.old_mode} to {file.new_mode}")
    if file.is_submodule:
        parts.append("submodule")
    if file.binary:
        parts.append("binary")
    if file.cut:
        parts.append("not shown, because the diff is too long")
    return f"{file.path} ({', '.join(parts)})" if parts else file.path


def _heading(file: FileChange, hunk: Hunk) -> str:
    lines = f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@"
    return f"{file.path}:{hunk.number} {lines} {hunk.heading}".rstrip()
