"""Submodules of a worktree: their commits are in repositories that git deletes with it, so a merge takes them out.

The project's own repositories of the submodules get them, from which the project can check them out after the merge.
"""

from __future__ import annotations

import os

from luzia_protocol.jobs import Worktree

from luzia_client.trees import has_directory
from luzia_client.trees.git import run_git

_LIST = 'printf \'%s\\0%s\\0\' "$PWD" "$(git rev-parse --absolute-git-dir)"'


def publish_submodules(tree: Worktree) -> None:
    """Have the project's repositories of the submodules keep what is checked out in the worktree's.

    It is the branch of the same name as the job's. Raises WorktreeError.
    """
    if not has_directory(tree) or not run_git(tree.path, "ls-files", "--", ".gitmodules").out:
        return
    own = run_git(tree.path, "rev-parse", "--absolute-git-dir").line
    project = run_git(tree.repository, "rev-parse", "--absolute-git-dir").line
    listed = run_git(tree.path, "submodule", "--quiet", "foreach", "--recursive", _LIST).names
    for place, directory in zip(listed[::2], listed[1::2], strict=True):
        origin = os.path.join(project, os.path.relpath(directory, own))
        if not directory.startswith(f"{own}/modules/") or not os.path.isdir(origin):
            continue
        head = run_git(place, "rev-parse", "HEAD").line
        known = run_git("/", "--git-dir", origin, "for-each-ref", f"--contains={head}", codes=(0, 129))
        if known.code or not known.out:
            fetched = f"+HEAD:refs/heads/{tree.branch}"
            options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
            run_git("/", "--git-dir", origin, "-c", "protocol.file.allow=always", "fetch", *options, place, fetched)
