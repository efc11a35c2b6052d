"""Chooses some of a job's changes: files, and hunks of files. The result is a tree of git.

The contents are put together from git's own two versions of each file and the line numbers of the hunks. Nothing is
matched by context, so the result is exactly what was shown.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping

import msgspec

from luzia_client.trees import WorktreeError
from luzia_client.trees.changes import Changes
from luzia_client.trees.git import list_names, run_git
from luzia_client.trees.patch import FileChange, Hunk

_NOTHING = "000000"


class Selection(msgspec.Struct, frozen=True):
    """Some of a job's changes.

    files: paths, each with all its changes; a directory stands for all changed files in it. hunks: the numbers of hunks
    from 1, by path. content: that of the Changes from which they were chosen; with it, a selection is refused if the
    work has changed since.
    """

    files: frozenset[str] = frozenset()
    hunks: Mapping[str, frozenset[int]] = {}
    content: str | None = None


def select(directory: str, changes: Changes, selection: Selection) -> str:
    """The tree of git that has the base and only the selected changes.

    directory: any in the repository. Raises WorktreeError for paths and hunks that do not exist.
    """
    if selection.content not in (None, changes.content):
        raise WorktreeError("the work has changed since these changes were chosen", "Review it again.")
    chosen = _chosen(changes, selection)
    entries: list[tuple[str, str, str]] = []
    for file, hunks in chosen:
        if file.old_path is not None:
            entries.append((_NOTHING, "0" * len(file.new_blob), file.old_path))
        if hunks is None:
            entries.append((file.new_mode, file.new_blob, file.path))
        else:
            entries.append((file.old_mode, _write_part(directory, file, hunks), file.path))
    entries.sort(key=lambda entry: entry[0] != _NOTHING)  # a file may stand where a directory was
    index_info = b"".join(f"{mode} {blob}\t".encode() + os.fsencode(path) + b"\0" for mode, blob, path in entries)
    with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
        env = {"GIT_INDEX_FILE": os.path.join(scratch, "index")}
        run_git(directory, "read-tree", changes.base, env=env)
        run_git(directory, "update-index", "-z", "--index-info", env=env, stdin=index_info)
        return run_git(directory, "write-tree", env=env).line


def _chosen(changes: Changes, selection: Selection) -> list[tuple[FileChange, list[Hunk] | None]]:
    """The chosen files, each with its chosen hunks; None for everything. Raises WorktreeError."""
    known = {name: file for file in changes.files for name in (file.old_path, file.path) if name is not None}
    whole: dict[str, FileChange] = {}
    for name in selection.files:
        found = [known[name]] if name in known else _inside(changes, name)
        if not found:
            raise WorktreeError(f"the job has no changes in {name}", _list_changed(changes))
        whole |= {file.path: file for file in found}
    chosen: list[tuple[FileChange, list[Hunk] | None]] = [(file, None) for file in whole.values()]
    for name, numbers in selection.hunks.items():
        if name not in known:
            raise WorktreeError(f"the job has no changes in {name}", _list_changed(changes))
        file = known[name]
        hunks = [hunk for hunk in file.hunks if hunk.number in numbers]
        missing = sorted(numbers - {hunk.number for hunk in hunks})
        if missing:
            raise WorktreeError(_describe_missing(file, missing[0]), "`luzia diff --hunks` shows the numbers.")
        if file.path not in whole and hunks:
            chosen.append((file, None if len(hunks) == len(file.hunks) else hunks))
    return chosen


def _inside(changes: Changes, directory: str) -> list[FileChange]:
    above = "" if directory in ("", ".") else directory.rstrip("/") + "/"
    return [file for file in changes.files if file.path.startswith(above)]


def _list_changed(changes: Changes) -> str:
    return f"It has changed: {list_names([file.path for file in changes.files])}" if changes.files else ""


def _describe_missing(file: FileChange, number: int) -> str:
    if file.hunks:
        count = "1 hunk" if len(file.hunks) == 1 else f"{len(file.hunks)} hunks"
        return f"{file.path} has no hunk {number}: it has {count}"
    return f"{file.path} has no hunks to choose from: select the whole file"


def _write_part(directory: str, file: FileChange, hunks: list[Hunk]) -> str:
    """Store the old content with only these hunks, and return git's name for it."""
    old, new = _read_lines(directory, file.old_blob), _read_lines(directory, file.new_blob)
    lines: list[bytes] = []
    done = 0
    for hunk in hunks:
        begin = hunk.old_start - 1 if hunk.old_count else hunk.old_start
        first = hunk.new_start - 1 if hunk.new_count else hunk.new_start
        lines += old[done:begin]
        lines += new[first : first + hunk.new_count]
        done = begin + hunk.old_count
    lines += old[done:]
    return run_git(directory, "hash-object", "-w", "--stdin", "--no-filters", stdin=b"".join(lines)).line


def _read_lines(directory: str, blob: str) -> list[bytes]:
    parts = run_git(directory, "cat-file", "blob", blob).out.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
