"""The keys that control jobs: the marked ones, or else the selected one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from luzia_protocol.jobs import Job, JobState

from luzia_client.api.async_client import AsyncClient
from luzia_client.api.client import Client
from luzia_client.cli.args.selection import parents_first
from luzia_client.cli.show.formatting import format_state
from luzia_client.cli.show.text import format_quantity
from luzia_client.hosts.job_ids import host_of, id_here
from luzia_client.hosts.settings import LOCAL
from luzia_client.review.verified_merge import merge_verified, require_finished
from luzia_client.trees import diff, worktree_of
from luzia_client.tui.shell.command_runner import run_for_output
from luzia_client.tui.top.context import Change, Context, describe_jobs
from luzia_client.tui.top.question_form import QuestionForm

MAX_MERGE_BYTES = 64 * 1024


class Control:
    """Each method is the effect of a key that has its name in keys.py."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def cancel(self) -> None:
        """Cancel the jobs, after confirmation."""
        jobs = self._context.jobs()
        live = [job for job in jobs if not job.state.is_final]
        if live:
            question = (
                f"Cancel {describe_jobs(live)} and terminate all {'their' if len(live) > 1 else 'its'} processes?"
            )
            self._context.confirm(question, lambda: self._context.change(live, "cancelled", AsyncClient.cancel))
        elif jobs:
            self._say_state(jobs, "already")

    def retry(self) -> None:
        """Run the jobs again, or now; completed ones and several only after confirmation."""
        jobs = self._context.jobs()
        if not jobs:
            return
        places = {name: place for place, name in enumerate(parents_first(jobs))}
        jobs.sort(key=lambda job: places[job.id])
        revived: set[tuple[str, str]] = set()

        async def retry_one(client: AsyncClient, name: str) -> None:
            if (client.socket, name) not in revived:  # the retry of another one has queued it
                revived.update((client.socket, each) for each in (await client.retry(name)).revived)

        def retry() -> None:
            self._context.change(jobs, "retried", retry_one)

        completed = sum(job.state is JobState.COMPLETED for job in jobs)
        if len(jobs) > 1:
            already = f", of which {completed:,} have already completed" if completed else ""
            self._context.confirm(f"Retry {describe_jobs(jobs)}{already}?", retry)
        elif completed:
            self._context.confirm(f"Job {jobs[0].id} has already completed. Run it again?", retry)
        else:
            retry()

    def again(self) -> None:
        """Dispatch new jobs like these, after confirmation."""
        jobs = self._context.jobs()
        if not jobs:
            return

        async def dispatch() -> None:
            client, name = self._context.clients.of(jobs[0])
            made = id_here(host_of(jobs[0].id), (await client.again(name)).job)
            self._context.say(f"dispatched: job {made}")

        if len(jobs) == 1:
            question = f"Dispatch a new job like {describe_jobs(jobs)}?"
            self._context.confirm(question, lambda: self._context.run(dispatch()))
        else:
            question = f"Dispatch new jobs like {describe_jobs(jobs)}?"
            self._context.confirm(question, lambda: self._context.change(jobs, "dispatched", AsyncClient.again))

    def pause(self) -> None:
        """Pause or resume the jobs; hold or release queued ones. Of several, resume only when none can be paused."""
        jobs = self._context.jobs()
        held = [job for job in jobs if job.state is JobState.QUEUED and job.held_at is not None]
        paused = [job for job in jobs if job.state is JobState.PAUSED]
        queued = [job for job in jobs if job.state is JobState.QUEUED and job.held_at is None]
        others = [job for job in jobs if job not in held and job not in paused and job not in queued]
        if len(jobs) > 1:
            others = [job for job in others if not job.state.is_final]
        changes: list[tuple[Sequence[Job], str, Change]] = [
            (others, "paused", AsyncClient.pause),
            (queued, "held", AsyncClient.hold),
        ]
        if not (others or queued):
            changes = [(paused, "resumed", AsyncClient.resume), (held, "released", AsyncClient.release)]
        for chosen, verb, request in changes:
            if chosen:
                self._context.change(chosen, verb, request)
        if jobs and not any(chosen for chosen, *_ in changes):
            self._say_state(jobs, "already")

    def merge(self) -> None:
        """Merge the work of the jobs, after confirmation."""
        jobs = self._context.jobs()

        def choose(commit: bool) -> Callable[[], None]:
            return lambda: self._context.run(self._merge_all(jobs, commit=commit))

        if jobs:
            question = f"Merge the work of {describe_jobs(jobs)}? y merge  c commit its changes first"
            self._context.ask(question, {"y": choose(commit=False), "c": choose(commit=True)})

    async def _merge_all(self, jobs: Sequence[Job], *, commit: bool) -> None:
        names = {self._context.clients.of(job): job for job in jobs}

        async def merge(client: AsyncClient, name: str) -> None:
            job = names[client, name]
            if host_of(job.id) != LOCAL:  # git fetches it into the repository of the working directory
                await run_for_output(["merge", *(["--commit"] if commit else []), job.id], MAX_MERGE_BYTES)
                return
            full = await client.get_job(name)
            require_finished(full)
            await asyncio.to_thread(self._merge_in_thread, full, commit)

        await self._context.change_now(jobs, "merged", merge)

    def _merge_in_thread(self, job: Job, commit: bool) -> None:
        with Client(self._context.clients.here.socket, autostart=False) as client:
            merge_verified(client, job, worktree_of(job), commit=commit, message=None)

    def discard(self) -> None:
        """Discard the work of the jobs, after confirmation."""
        jobs = self._context.jobs()
        if jobs:
            self._context.run(self._ask_discard(jobs))

    async def _ask_discard(self, jobs: Sequence[Job]) -> None:
        here = [job for job in jobs if host_of(job.id) == LOCAL]
        trees = [worktree_of(await self._context.clients.here.get_job(job.id)) for job in here]
        count = sum([len(await asyncio.to_thread(diff.changed_files, tree)) for tree in trees])
        files = f": {format_quantity(count, 'changed file')}" if len(here) == len(jobs) else ""
        self._context.confirm(
            f"Discard the work of {describe_jobs(jobs)}{files}?",
            lambda: self._context.change(jobs, "discarded", AsyncClient.discard),
        )

    def answer(self) -> None:
        """Answer the question of the selected job's agent."""
        if (job := self._context.job()) is None:
            return
        if job.question is None:
            self._context.say(f"job {job.id} is not waiting for an answer")
            return
        question = job.question

        def send(words: list[str]) -> None:
            self._context.change(
                [job], "answered", lambda client, name: client.answer_question(name, words, question.id)
            )

        form = QuestionForm(question, self._context.edit, send)
        self._context.top.prompt = form.permission_prompt()
        if self._context.top.prompt is None:
            form.ask_parts()

    def _say_state(self, jobs: Sequence[Job], how: str) -> None:
        if len(jobs) == 1:
            self._context.say(f"job {jobs[0].id} is {how} {format_state(jobs[0].state)}")
        else:
            self._context.say("this applies to none of the marked jobs")
