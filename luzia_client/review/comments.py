"""Comments on lines of a job's work, as the text of a follow-up message."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from luzia_protocol.jobs import Worktree

from luzia_client.trees import WorktreeError, has_directory
from luzia_client.trees.changes import find_base
from luzia_client.trees.content import read_content
from luzia_client.trees.git import run_git

_MAX_QUOTED_CHARS = 400


class Comment(msgspec.Struct, frozen=True):
    """A comment on a line. path: from the top of the worktree. line: from 1. text: what to tell the agent.

    old: the line is that of the file before the changes, such as a deleted one; otherwise it is that of the file as it
    is now.
    """

    path: str
    line: int
    text: str
    old: bool = False


def quote_comments(tree: Worktree, words: str, comments: Sequence[Comment]) -> str:
    """The message: the words, and then each comment below its place and the line that it is on, in order.

    Raises WorktreeError for a file or a line that does not exist.
    """
    new, _ = read_content(tree)
    old = find_base(tree)
    files: dict[tuple[str, bool], list[str]] = {}
    parts = [words] if words else []
    for comment in sorted(comments, key=lambda comment: (comment.path, comment.line)):
        key = comment.path, comment.old
        if key not in files:
            files[key] = _read_lines(tree, old if comment.old else new, comment.path)
        if not 1 <= comment.line <= len(files[key]):
            count = "1 line" if len(files[key]) == 1 else f"{len(files[key])} lines"
            raise WorktreeError(f"{comment.path} has no line {comment.line}: it has {count}")
        line = files[key][comment.line - 1]
        quoted = line if len(line) <= _MAX_QUOTED_CHARS else f"{line[:_MAX_QUOTED_CHARS]}…"
        place = f"{comment.path}:{comment.line}" + (" (before your changes)" if comment.old else "")
        parts.append(f"{place}\n> {quoted}\n{comment.text}")
    return "\n\n".join(parts)


def _read_lines(tree: Worktree, content: str, path: str) -> list[str]:
    directory = tree.path if has_directory(tree) else tree.repository
    found = run_git(directory, "cat-file", "blob", f"{content}:{path}", codes=(0, 128))
    if found.code:
        raise WorktreeError(f"the work has no file {path}")
    return [line.removesuffix("\r") for line in found.out.decode(errors="replace").removesuffix("\n").split("\n")]
