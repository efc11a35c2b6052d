"""The effects of keys: moving, opening pages, requests to the daemon. Each row of keys.py names a method of Actions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.replies import JobChange
from luzia_protocol.states import UNSUCCESSFUL_STATES

from luzia_client.api.async_client import AsyncClient
from luzia_client.cli.show.details import describe_job
from luzia_client.cli.show.formatting import format_state
from luzia_client.cli.show.reasons import explain_job
from luzia_client.cli.show.safe_output import SafeOutput
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import harmless, one_line
from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError
from luzia_client.trees import WorktreeError, diff, worktree_of
from luzia_client.tui.top.keys import format_help
from luzia_client.tui.top.question_form import QuestionForm
from luzia_client.tui.top.state import KeyPrompt, Page, TopState
from luzia_client.tui.top.text_view import TextView

MAX_DIFF_BYTES = 4 * 1024 * 1024
MAX_PAGE_LINES = 100_000


class Actions:
    """The methods that keys.py names.

    screen: the current properties of the terminal. changed: called to redraw the screen. start: runs a coroutine in the
    background. edit: opens the input line with a label and a function that receives the entered text.
    """

    def __init__(
        self,
        top: TopState,
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
        self._wanted = ""

    # Moving

    def up(self) -> None:
        """Move up by one."""
        self.move(-1)

    def down(self) -> None:
        """Move down by one."""
        self.move(1)

    def page_up(self) -> None:
        """Move up by one page."""
        self.move(-self._page_rows())

    def page_down(self) -> None:
        """Move down by one page."""
        self.move(self._page_rows())

    def half_page_up(self) -> None:
        """Move up by half a page."""
        self.move(-max(self._page_rows() // 2, 1))

    def half_page_down(self) -> None:
        """Move down by half a page."""
        self.move(max(self._page_rows() // 2, 1))

    def next_urgent(self) -> None:
        """Select the next job that has a question or has failed, from the selected one on and then from the top."""
        cursor, rows = self.top.cursor, self.top.model.rows
        begin = cursor.row + 1
        for row in [*range(begin, len(rows)), *range(begin)]:
            job = self.top.model.get(rows[row].id)
            if job is not None and (job.question is not None or job.state in UNSUCCESSFUL_STATES):
                cursor.select_row(row)
                cursor.keep_job()
                return
        self._say("no job in the list needs you")

    def first(self) -> None:
        """Move to the top."""
        text = self.top.text
        self.top.cursor.select_first() if text is None else text.to_top()

    def last(self) -> None:
        """Move to the end."""
        text = self.top.text
        self.top.cursor.select_row(len(self.top.model.rows) - 1) if text is None else text.to_end()

    def move(self, rows: int) -> None:
        """Move down by `rows`, or up if negative, in the list or the open text."""
        text = self.top.text
        self.top.cursor.move(rows) if text is None else text.scroll(rows)

    def search(self, words: str) -> None:
        """Show the nearest line with the words in the open text: the latest of a transcript, the first of a page."""
        if self.top.text is not None:
            self.top.text.end_search()
        self._wanted = words
        self.search_next()

    def search_next(self) -> None:
        """Show the next line with the words: the next older one of a transcript."""
        self._find(-1 if self.top.page is None else 1)

    def search_previous(self) -> None:
        """Show the previous line with the words: the next newer one of a transcript."""
        self._find(1 if self.top.page is None else -1)

    def _find(self, step: int) -> None:
        text = self.top.text
        if text is None or not self._wanted:
            self._say("nothing to search for: press Tab or Enter for the transcript, then /")
        elif not text.find(self._wanted, step):
            self._say(f"not found: {one_line(self._wanted)}")

    def _page_rows(self) -> int:
        return max((self.top.cursor.height if self.top.text is None else self._screen().height - 4) - 1, 1)

    def switch_pane(self) -> None:
        """Switch between the list and the transcript."""
        self.top.cursor.keep_job()
        self.top.transcript_focused = not self.top.transcript_focused

    def zoom(self) -> None:
        """Show the transcript on the full screen, or return."""
        self.top.cursor.keep_job()
        self.top.zoomed = not self.top.zoomed

    def back(self) -> None:
        """Close what is open, or clear the filter."""
        top = self.top
        if top.page is not None:
            top.page = None
        elif top.zoomed:
            top.zoomed = False
        elif top.transcript_focused:
            top.transcript_focused = False
        else:
            top.model.set_filter("")

    # Inspecting

    def show_help(self) -> None:
        """Show all keys."""
        self._open("Keys of luzia top", format_help())

    def show_details(self) -> None:
        """Show the details of the job."""
        if (job := self._job()) is not None:
            self._run(self._details(job.id))

    async def _details(self, name: str) -> None:
        job = await self._client.get_job(name)
        self._open(f"Job {job.id}", "\n".join(describe_job(job, datetime.now(UTC), self._screen())))

    def show_why(self) -> None:
        """Show why the job waits, or how it ended."""
        if (job := self._job()) is not None:
            self._run(self._why(job.id))

    async def _why(self, name: str) -> None:
        told = await self._client.why(name)
        self._open(f"Why: job {name}", "\n".join(explain_job(told, datetime.now(UTC), self._screen())))

    def show_diff(self) -> None:
        """Show the changes in the job's worktree."""
        if (job := self._job()) is not None:
            self._run(self._diff(job.id))

    async def _diff(self, name: str) -> None:
        tree = worktree_of(await self._client.get_job(name))
        self._say("Running git diff …")
        colour = self._screen().colour
        printed = await asyncio.to_thread(diff.diff_text, tree, colour=colour, max_bytes=MAX_DIFF_BYTES)
        safe = SafeOutput(colour)
        text = safe.feed(printed) + safe.end()
        if len(printed) == MAX_DIFF_BYTES:
            text += f"\n… cut; show all: luzia diff {name}"
        self._say("")
        self._open(f"Changes of job {name}", text or "No changes.")

    def _open(self, title: str, text: str) -> None:
        lines = TextView(text, MAX_PAGE_LINES)
        lines.to_top()
        self.top.page = Page(harmless(title), lines)
        self._changed()

    # Controlling

    def cancel(self) -> None:
        """Cancel the job, after confirmation."""
        if (job := self._job()) is None:
            return
        if job.state.is_final:
            self._say(f"job {job.id} is already {format_state(job.state)}")
            return
        question = f"Cancel {job.id} “{one_line(job.task, 40)}” and end all its processes?"
        self._confirm(question, lambda: self._change(job, "cancelled", self._client.cancel))

    def retry(self) -> None:
        """Run the job again, or now; a completed one only after confirmation."""
        if (job := self._job()) is None:
            return

        def retry() -> None:
            self._change(job, "retried", self._client.retry)

        if job.state is JobState.COMPLETED:
            self._confirm(f"Job {job.id} has already completed. Run it again?", retry)
        else:
            retry()

    def again(self) -> None:
        """Dispatch a new job like this one, after confirmation."""
        if (job := self._job()) is None:
            return

        async def dispatch() -> None:
            accepted = await self._client.again(job.id)
            self._say(f"dispatched: job {accepted.job}")

        question = f"Dispatch a new job like {job.id} “{one_line(job.task, 40)}”?"
        self._confirm(question, lambda: self._run(dispatch()))

    def pause(self) -> None:
        """Pause or resume the job; hold or release a queued one."""
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
        """Answer the question of the job's agent."""
        if (job := self._job()) is None:
            return
        if job.question is None:
            self._say(f"job {job.id} is not waiting for an answer")
            return
        question = job.question

        def send(words: list[str]) -> None:
            self._change(job, "answered", lambda name: self._client.answer_question(name, words, question.id))

        form = QuestionForm(question, self._edit, send)
        self.top.prompt = form.permission_prompt()
        if self.top.prompt is None:
            form.ask_parts()

    def answer_prompt(self, key: str) -> None:
        """Answer the open prompt with a key."""
        prompt, self.top.prompt = self.top.prompt, None
        assert prompt is not None
        prompt.keys.get(key.lower(), lambda: self._say("aborted"))()

    def explain_key(self, key: str) -> None:
        """Say that a key has no effect."""
        self._say(f"{key} has no effect; ? shows all keys")

    def _confirm(self, question: str, effect: Callable[[], None]) -> None:
        self.top.prompt = KeyPrompt(f"{question} y/N", {"y": effect})

    def _change(self, job: Job, verb: str, request: Callable[[str], Awaitable[JobChange]]) -> None:
        async def ask() -> None:
            changed = await request(job.id)
            self._say(f"{verb}: job {changed.job} is {format_state(changed.state)}")

        self._run(ask())

    def _run(self, request: Awaitable[None]) -> None:
        self._start(self._report_errors(request))

    async def _report_errors(self, request: Awaitable[None]) -> None:
        """Run a request; an error becomes the message."""
        try:
            await request
        except (Refused, DaemonUnreachableError, UnexpectedAnswerError, WorktreeError) as exc:
            self._say(f"{exc.message}. {exc.hint}" if exc.hint else exc.message)

    def _job(self) -> Job | None:
        self.top.message = ""
        self.top.cursor.keep_job()
        if self.top.job is None:
            self._say("no job selected")
        return self.top.job

    def _say(self, message: str) -> None:
        self.top.message = message
        self._changed()
