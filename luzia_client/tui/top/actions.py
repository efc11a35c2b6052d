"""What keys do: moving, opening pages, and requests to the daemon. Each row of keys.py names a method of Actions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.replies import JobChange

from luzia_client.api.async_client import AsyncClient
from luzia_client.cli.show.details import details
from luzia_client.cli.show.formatting import format_state
from luzia_client.cli.show.safe_output import SafeOutput
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import harmless, one_line
from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError
from luzia_client.trees import WorktreeError, diff, worktree_of
from luzia_client.tui.top.keys import help_text
from luzia_client.tui.top.lines import Lines
from luzia_client.tui.top.question_form import Asking, choice_for
from luzia_client.tui.top.state import Choice, Page, Top

MAX_DIFF_BYTES = 4 * 1024 * 1024
MAX_PAGE_LINES = 100_000


class Actions:
    """The methods that keys.py names, and what they need.

    screen: how to write. changed: called when something is to be drawn anew. start: runs a coroutine beside the screen.
    edit: opens a line to type in: its label, and what to call with the text when it is entered.
    """

    def __init__(
        self,
        top: Top,
        screen: Callable[[], Screen],
        changed: Callable[[], None],
        start: Callable[[Awaitable[None]], None],
        edit: Callable[[str, Callable[[str], None]], None],
    ) -> None:
        self.top = top
        self._screen = screen
        self._changed = changed
        self._start = start
        self._edit = edit
        self._client = AsyncClient(autostart=False)

    # Moving

    def up(self) -> None:
        """One up."""
        self.move(-1)

    def down(self) -> None:
        """One down."""
        self.move(1)

    def page_up(self) -> None:
        """A screenful up."""
        self.move(-self._screenful())

    def page_down(self) -> None:
        """A screenful down."""
        self.move(self._screenful())

    def first(self) -> None:
        """To the top."""
        text = self.top.text
        self.top.cursor.to(0) if text is None else text.to_top()

    def last(self) -> None:
        """To the end."""
        text = self.top.text
        self.top.cursor.to(len(self.top.model.rows) - 1) if text is None else text.to_end()

    def move(self, rows: int) -> None:
        """Down by so many rows, or up, in whatever the keys move in."""
        text = self.top.text
        self.top.cursor.move(rows) if text is None else text.scroll(rows)

    def _screenful(self) -> int:
        return max((self.top.cursor.height if self.top.text is None else self._screen().height - 4) - 1, 1)

    def other_pane(self) -> None:
        """Move in the transcript, or in the list again."""
        self.top.in_transcript = not self.top.in_transcript

    def zoom(self) -> None:
        """The transcript on the whole screen, and back."""
        self.top.zoomed = not self.top.zoomed

    def back(self) -> None:
        """Leave what is open."""
        top = self.top
        if top.page is not None:
            top.page = None
        elif top.zoomed:
            top.zoomed = False
        elif top.in_transcript:
            top.in_transcript = False
        else:
            top.model.narrow("")

    # Looking

    def help(self) -> None:
        """All keys."""
        self._open("The keys of luzia top", help_text())

    def details(self) -> None:
        """Everything about the job."""
        if (job := self._job()) is not None:
            self._run(self._details(job.id))

    async def _details(self, name: str) -> None:
        job = await self._client.get_job(name)
        self._open(f"Job {job.id}", "\n".join(details(job, datetime.now(UTC), self._screen())))

    def diff(self) -> None:
        """What the job has changed."""
        if (job := self._job()) is not None:
            self._run(self._diff(job.id))

    async def _diff(self, name: str) -> None:
        tree = worktree_of(await self._client.get_job(name))
        self._say("git compares …")
        colour = self._screen().colour
        printed = await asyncio.to_thread(diff.diff_text, tree, colour=colour, max_bytes=MAX_DIFF_BYTES)
        safe = SafeOutput(colour)
        text = safe.feed(printed) + safe.end()
        if len(printed) == MAX_DIFF_BYTES:
            text += f"\n… and more; `luzia diff {name}` has all of it"
        self._say("")
        self._open(f"What job {name} has changed", text or "Nothing.")

    def _open(self, title: str, text: str) -> None:
        lines = Lines(text, MAX_PAGE_LINES)
        lines.to_top()
        self.top.page = Page(harmless(title), lines)
        self._changed()

    # Acting

    def cancel(self) -> None:
        """End the job, after asking."""
        if (job := self._job()) is None:
            return
        if job.state.is_final:
            self._say(f"job {job.id} is {format_state(job.state)} already")
            return
        self._choose(
            Choice(f"Cancel {job.id}, “{one_line(job.task, 40)}”, with all its processes? y/N", {"y": "cancel"}),
            {"cancel": lambda: self._change(job, "cancelled", self._client.cancel)},
        )

    def retry(self) -> None:
        """Run the job again, or now; one that has completed only after asking."""
        if (job := self._job()) is None:
            return
        if job.state is not JobState.COMPLETED:
            self._change(job, "retried", self._client.retry)
            return
        self._choose(
            Choice(f"Job {job.id} has completed. Run it again? y/N", {"y": "retry"}),
            {"retry": lambda: self._change(job, "retried", self._client.retry)},
        )

    def pause(self) -> None:
        """Pause the job or resume it; hold it or release it while it is queued."""
        if (job := self._job()) is None:
            return
        if job.state is JobState.QUEUED and job.held_at is not None:
            self._change(job, "released", self._client.release)
        elif job.state is JobState.QUEUED:
            self._change(job, "held", self._client.hold)
        elif job.state is JobState.PAUSED:
            self._change(job, "resumed", self._client.resume)
        else:
            self._change(job, "paused", self._client.pause)

    def answer(self) -> None:
        """Answer what the job's agent asks."""
        if (job := self._job()) is None:
            return
        if job.question is None:
            self._say(f"job {job.id} asks nothing")
            return
        question = job.question

        def send(words: list[str]) -> None:
            self._change(job, "answered", lambda name: self._client.answer_question(name, words, question.id))

        asking = Asking(question, self._edit, send)
        choice = choice_for(question)
        if choice is None:
            asking.ask_parts()
        else:
            ways: dict[str, Callable[[], None]] = {
                "allow": lambda: send(["allow"]),
                "deny": lambda: send(["deny"]),
                "text": asking.ask_text,
            }
            self._choose(choice, ways)

    def chosen(self, key: str) -> None:
        """A key was pressed while a choice was open."""
        choice, self.top.choice = self.top.choice, None
        assert choice is not None
        wanted = choice.keys.get(key.lower())
        if wanted is None:
            self._say("nothing was done")
        else:
            self._ways[wanted]()

    def _choose(self, choice: Choice, ways: dict[str, Callable[[], None]]) -> None:
        self._ways = ways
        self.top.choice = choice

    def _change(self, job: Job, done: str, request: Callable[[str], Awaitable[JobChange]]) -> None:
        async def ask() -> None:
            changed = await request(job.id)
            self._say(f"{done}: job {changed.job} is {format_state(changed.state)}")

        self._run(ask())

    def _run(self, request: Awaitable[None]) -> None:
        self._start(self._told(request))

    async def _told(self, request: Awaitable[None]) -> None:
        """Make the request; tell what became of it when that is nothing good."""
        try:
            await request
        except (Refused, DaemonUnreachableError, UnexpectedAnswerError, WorktreeError) as exc:
            self._say(f"{exc.message}. {exc.hint}" if exc.hint else exc.message)

    def _job(self) -> Job | None:
        self.top.message = ""
        if self.top.job is None:
            self._say("no job is selected")
        return self.top.job

    def _say(self, what: str) -> None:
        self.top.message = what
        self._changed()
