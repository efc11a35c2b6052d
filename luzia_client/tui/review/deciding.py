"""The keys that decide about a job: accept, send back, discard, later, and undo.

What takes time is done in the background, while the next job is shown. If it fails, the job waits again, and says why.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

from luzia_protocol.jobs import JobState

from luzia_client.cli.show.text import format_quantity, one_line
from luzia_client.tui.fullscreen.context import ERRORS, describe
from luzia_client.tui.review.context import Context
from luzia_client.tui.review.entry import Entry
from luzia_client.tui.review.state import Undo

MAX_TASK_CHARS = 24


class Deciding:
    """Each method is the effect of a key that has its name in keys.py. reload: reads the changes of a job again."""

    def __init__(self, context: Context, reload: Callable[[Entry], None]) -> None:
        self._context = context
        self._state = context.state
        self._engine = context.engine
        self._reload = reload
        self._merging: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """One merge at a time in a repository: each begins at the result of the one before."""

    def accept(self) -> None:
        """Merge all the work of the job, or what is marked of it."""
        if (entry := self._context.changed_entry()) is not None:
            self._do(entry, "merging", self._accept(entry))

    async def _accept(self, entry: Entry) -> None:
        assert entry.work is not None
        assert entry.job.worktree is not None
        repository = entry.job.worktree.repository
        async with self._merging[repository]:
            done = await self._engine.accept(entry.job, entry.work, frozenset(entry.marks))
            for other in self._state.waiting.entries:
                if other.job.worktree is not None and other.job.worktree.repository == repository:
                    other.is_stale = True  # it may conflict now
        if done.is_all:
            self._decided(entry, done.text)
            return
        entry.busy = ""
        entry.marks.clear()
        self._reload(entry)
        self._context.say(f"{done.text}; the rest waits")

    def open_pull_request(self) -> None:
        """Open a pull request for all the work of the job."""
        if (entry := self._context.changed_entry()) is None:
            return
        if entry.marks:
            self._context.say("a pull request has all the work of a job: Esc takes the marks away")
            return
        self._do(entry, "opening a pull request for", self._open_pull_request(entry))

    async def _open_pull_request(self, entry: Entry) -> None:
        address = await self._engine.open_pull_request(entry.job)
        self._decided(entry, f"pull request of job {entry.job.id}: {address or 'opened'}")

    def send_back(self) -> None:
        """Ask for words, and send them to the agent with the comments."""
        entry = self._context.entry()
        if entry is None:
            return
        if entry.job.activity is None or entry.job.activity.session is None:
            self._context.say(f"job {entry.job.id} cannot be sent back: its agent has no session that could be resumed")
            return
        comments = format_quantity(len(entry.comments), "comment")
        label = f"Send back with {comments}: " if entry.comments else "Send back: "

        def send(words: str) -> None:
            if words.strip() or entry.comments:
                self._do(entry, "sending back", self._send_back(entry, words.strip()))
            else:
                self._context.say("not sent: neither words nor comments")

        self._context.edit(label, send, text="; ".join(entry.loose))

    async def _send_back(self, entry: Entry, words: str) -> None:
        await self._engine.send_back(entry.job, entry.work, words, entry.comments)
        self._decided(entry, f"sent back: job {entry.job.id}; it comes again when it has ended")

    def send_conflict(self) -> None:
        """Give the agent the conflict to resolve."""
        entry = self._context.entry()
        if entry is None:
            return
        if entry.work is not None and not entry.work.conflicts:
            self._context.say(f"job {entry.job.id} has no conflict: a accepts it")
            return
        self._do(entry, "sending back", self._send_conflict(entry))

    async def _send_conflict(self, entry: Entry) -> None:
        await self._engine.send_conflict(entry.job)
        self._decided(entry, f"the agent of job {entry.job.id} resolves the conflict; it comes again when it has ended")

    def discard(self) -> None:
        """Discard the work of the job, after confirmation."""
        if (entry := self._context.entry()) is None:
            return
        files = "" if entry.work is None else f": {format_quantity(len(entry.work.files), 'file')}"
        question = f"Discard the work of {entry.job.id} “{one_line(entry.job.task, MAX_TASK_CHARS)}”{files}?"
        self._context.confirm(question, lambda: self._do(entry, "discarding", self._discard(entry)))

    async def _discard(self, entry: Entry) -> None:
        kept = await self._engine.discard(entry.job)
        name = entry.job.id
        if kept is None:
            self._decided(entry, f"discarded: job {name}; there was nothing to keep")
            return
        self._state.undo.append(Undo(f"the discard of job {name}", lambda: self._context.run(self._restore(name))))
        until = kept.astimezone().strftime("%Y-%m-%d %H:%M")
        self._decided(entry, f"discarded: job {name}; u restores it, and until {until} luzia restore-work")

    async def _restore(self, name: str) -> None:
        await self._engine.restore(name)
        self._state.waiting.undecide()
        self._state.waiting.select(name)
        self._context.say(f"restored: job {name}")

    def verify(self) -> None:
        """Run the verification of the project on what a merge would result in, while the job is shown."""
        if (entry := self._context.changed_entry()) is not None:
            self._context.run(self._verify(entry))

    async def _verify(self, entry: Entry) -> None:
        self._context.say(f"verifying job {entry.job.id} …")
        done = await self._engine.verify(entry.job)
        if done is None:
            hint = f"set verify in [projects.{entry.job.project}]"
            self._context.say(f"the project {entry.job.project} has no `verify` command: {hint}")
            return
        self._reload(entry)
        result = "passed" if done.state is JobState.COMPLETED else f"failed: luzia logs {done.id}"
        self._context.say(f"job {entry.job.id}: verify {result}")

    def put_off(self) -> None:
        """Show the next job, and this one at the end."""
        entry = self._state.waiting.put_off()
        if entry is None:
            self._context.entry()
            return

        def undo() -> None:
            entry.put_off = 0
            self._state.waiting.select(entry.job.id)

        self._state.undo.append(Undo(f"“later” of job {entry.job.id}", undo))
        self._context.say(f"later: job {entry.job.id}")

    def undo(self) -> None:
        """Undo the last discard or later."""
        if not self._state.undo:
            self._context.say("nothing to undo: a merge is undone with git, and a message cannot be taken back")
            return
        last = self._state.undo.pop()
        self._context.say(f"undone: {last.what}")
        last.run()

    def _do(self, entry: Entry, busy: str, work: Awaitable[None]) -> None:
        """Begin with a decision, and show the next job."""
        entry.busy, entry.failure = busy, ""
        self._context.run(self._keep_failure(entry, work))
        self._context.changed()

    async def _keep_failure(self, entry: Entry, work: Awaitable[None]) -> None:
        """Carry out a decision; if that fails, the job waits again."""
        try:
            await work
        except ERRORS as exc:
            entry.failure = describe(exc)
            entry.is_stale = True
            self._context.say(f"job {entry.job.id} waits again: {entry.failure}")
        finally:
            entry.busy = ""
            self._context.changed()

    def _decided(self, entry: Entry, message: str) -> None:
        self._state.waiting.take_out(entry.job.id)
        self._context.say(message)
