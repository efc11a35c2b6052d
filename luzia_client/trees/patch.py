"""Changed files and their hunks, read from what `git diff-tree` prints. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

Status = Literal["added", "deleted", "modified", "renamed", "retyped"]

SUBMODULE = "160000"
"""The mode of a submodule, whose content is a commit of another repository."""
_STATUS: dict[str, Status] = {"A": "added", "D": "deleted", "M": "modified", "R": "renamed", "T": "retyped"}
_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)")


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line of a hunk, without its newline.

    kind: a space for an unchanged line, `-` for a deleted and `+` for an added one. old, new: its number from 1 in the
    file before and after the change; None where it does not exist. has_newline: false only for the last line of a file.
    """

    kind: str
    text: str
    old: int | None
    new: int | None
    has_newline: bool = True


class Hunk(msgspec.Struct, frozen=True):
    """A part of a file's changes. number: from 1 in its file. start, count: its lines before and after the change.

    heading: the line of the file in which the surrounding function or section begins, if git finds one.
    """

    number: int
    old_start: int
    old_count: int
    new_start: int
    new_count: int
    heading: str
    lines: list[Line]


class FileChange(msgspec.Struct, frozen=True):
    """A changed file. path: where it is now, or was if it was deleted. old_path: where it was, if it was renamed.

    old_mode, new_mode: as git shows them, such as 100755, or 000000 without a file. old_blob, new_blob: git's names of
    its contents. insertions, deletions: lines; None for a binary file, and where the diff was cut.
    binary: it has no hunks because it is no text. cut: its hunks were left out because the whole diff is too long.
    """

    path: str
    status: Status
    old_path: str | None
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    insertions: int | None
    deletions: int | None
    binary: bool
    cut: bool
    hunks: list[Hunk]

    @property
    def is_submodule(self) -> bool:
        """Whether it is or was a submodule: it has no hunks that can be chosen."""
        return SUBMODULE in (self.old_mode, self.new_mode)


def parse_changes(raw: Sequence[str], patch: bytes, *, cut: bool) -> list[FileChange]:
    """The changed files.

    raw: the fields that `git diff-tree --raw -z` separates by NUL. patch: what it prints with `--patch` for the same
    two trees. cut: the patch is not complete.
    """
    sections = _sections(patch, cut=cut)
    return [_change(entry, path, old_path, sections) for entry, path, old_path in _entries(raw)]


def _entries(raw: Sequence[str]) -> Iterator[tuple[list[str], str, str | None]]:
    fields = iter(raw)
    for field in fields:
        entry = field.removeprefix(":").split(" ")
        path = next(fields)
        if entry[4][0] == "R":
            yield entry, next(fields), path
        else:
            yield entry, path, None


def _sections(patch: bytes, *, cut: bool) -> Iterator[list[bytes]]:
    """The lines that git prints for each file; of an incomplete patch, without the last one."""
    section: list[bytes] = []
    for line in patch.split(b"\n"):
        if line.startswith(b"diff --git "):
            if section:
                yield section
            section = []
        section.append(line)
    if section and not cut:
        yield section


def _change(entry: list[str], path: str, old_path: str | None, sections: Iterator[list[bytes]]) -> FileChange:
    old_mode, new_mode, old_blob, new_blob, letter = entry
    status = _STATUS[letter[0]]
    section = next(sections, None)
    if status == "retyped" and section is not None:
        section = [] if next(sections, None) is not None else None  # git prints the deletion, and then the new file
    is_binary = section is not None and any(line.startswith(b"Binary files ") for line in section[:8])
    is_submodule = SUBMODULE in (old_mode, new_mode)
    hunks = [] if section is None or is_binary or is_submodule else list(_hunks(section))
    kinds = [line.kind for hunk in hunks for line in hunk.lines]
    unknown = section is None or is_binary
    return FileChange(
        path=path,
        status=status,
        old_path=old_path,
        old_mode=old_mode,
        new_mode=new_mode,
        old_blob=old_blob,
        new_blob=new_blob,
        insertions=None if unknown else kinds.count("+"),
        deletions=None if unknown else kinds.count("-"),
        binary=is_binary,
        cut=section is None,
        hunks=hunks,
    )


def _hunks(section: list[bytes]) -> Iterator[Hunk]:
    begins = [index for index, line in enumerate(section) if line.startswith(b"@@ ")]
    for number, (begin, end) in enumerate(pairwise([*begins, len(section)]), start=1):
        found = _HUNK.match(section[begin])
        assert found is not None, section[begin]
        old_start, old_count, new_start, new_count = (1 if part is None else int(part) for part in found.groups()[:4])
        lines = _lines(section[begin + 1 : end], old_start, new_start)
        heading = found[5].decode(errors="replace")
        yield Hunk(number, old_start, old_count, new_start, new_count, heading, lines)


def _lines(printed: list[bytes], old: int, new: int) -> list[Line]:
    lines: list[Line] = []
    for line in printed:
        kind = line[:1].decode(errors="replace")
        if kind == "\\":
            last = lines.pop()
            lines.append(Line(last.kind, last.text, last.old, last.new, has_newline=False))
        elif kind in (" ", "-", "+"):
            text = line[1:].decode(errors="replace")
            lines.append(Line(kind, text, None if kind == "+" else old, None if kind == "-" else new))
            old, new = old + (kind != "+"), new + (kind != "-")
    return lines
