"""The keys that leave the screen to another program: the user's editor, and git's difftool."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence

from luzia_protocol.jobs import Worktree

from luzia_client.cli.args.editor import editor_command
from luzia_client.cli.args.errors import UsageError
from luzia_client.trees import WorktreeError
from luzia_client.trees.diff import copy_index
from luzia_client.trees.git import git_environment
from luzia_client.trees.programs import neutral_options
from luzia_client.tui.review.changes import Kind, Row
from luzia_client.tui.review.context import Context
from luzia_client.tui.review.entry import Entry
from luzia_client.tui.shell.command_runner import line_entered, run_program

_TAKE_LINE = frozenset(("vi", "vim", "nvim", "nano", "emacs", "emacsclient", "micro", "kak", "joe", "mg"))
"""Editors that begin at the line that is given as `+LINE` before the file."""


class Outside:
    """Each method is the effect of a key that has its name in keys.py. reload: reads the changes of a job again."""

    def __init__(self, context: Context, reload: Callable[[Entry], None]) -> None:
        self._context = context
        self._reload = reload

    def open_editor(self) -> None:
        """Open the file of the selected row in the user's editor, at its line where the editor can do that."""
        if (found := self._selected()) is not None:
            self._context.run(self._edit(*found))

    async def _edit(self, entry: Entry, row: Row, tree: Worktree) -> None:
        assert entry.work is not None
        file = entry.work.files[row.file]
        path = os.path.join(tree.path, file.path)
        if not await asyncio.to_thread(os.path.lexists, path):
            raise WorktreeError(f"{file.path} is not in the worktree of job {entry.job.id} any more")
        words = editor_command()
        line = None
        if row.kind is Kind.LINE:
            line = file.hunks[row.hunk].numbers[row.line][1]
        at = [f"+{line}"] if line is not None and os.path.basename(words[0]) in _TAKE_LINE else []
        await self._run([*words, *at, path], tree.path, dict(os.environ))
        self._reload(entry)

    def open_difftool(self) -> None:
        """Show the file of the selected row with the user's difftool."""
        if (found := self._selected()) is not None:
            self._context.run(self._compare(*found))

    async def _compare(self, entry: Entry, row: Row, tree: Worktree) -> None:
        assert entry.work is not None
        file = entry.work.files[row.file]
        paths = [path for path in (file.old_path, file.path) if path is not None]
        with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
            index = await asyncio.to_thread(copy_index, tree.path, scratch, "--intent-to-add")
            argv = ["git", *neutral_options(tree.path), "difftool", "--no-prompt", tree.base, "--", *paths]
            await self._run(argv, tree.path, git_environment({"GIT_INDEX_FILE": index}))
        self._reload(entry)

    def _selected(self) -> tuple[Entry, Row, Worktree] | None:
        """The job, the selected row and the worktree; says so if something is missing."""
        entry = self._context.changed_entry()
        if entry is None or (row := entry.view.row) is None:
            return None
        tree = entry.job.worktree
        if tree is None or not os.path.isdir(tree.path):
            self._context.say(f"the worktree of job {entry.job.id} is not there any more")
            return None
        return entry, row, tree

    async def _run(self, argv: Sequence[str], directory: str, env: Mapping[str, str]) -> None:
        """Give the terminal to a program; after an error the user can read what it has printed."""
        async with self._context.terminal_given_away():
            try:
                status = await run_program(argv, directory, env)
            except UsageError as exc:
                self._context.say(f"{argv[0]}: {exc.message}")
                return
            if status:
                sys.stdout.write(f"\n{argv[0]} has ended with exit status {status}. Press Enter to return. ")
                sys.stdout.flush()
                await line_entered()
