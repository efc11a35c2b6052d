"""The blocking client. AsyncClient has its methods as coroutines.

All methods stand in this one class, so that a user finds the whole API on one page. Each returns what its Caller
returns, so that it is also a method of AsyncClient, where a caller returns coroutines.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self, Unpack

from luzia_protocol import environment, operations, replies, requests, schedules
from luzia_protocol.events import Event, EventKind
from luzia_protocol.job_control import AfterAttachment
from luzia_protocol.jobs import Job, JobState, SortKey
from luzia_protocol.output import FollowEnd, Output
from luzia_protocol.spending import SpendKey
from luzia_protocol.version import PROTOCOL_VERSION

from luzia_client.api import arguments
from luzia_client.api import requests as client_requests
from luzia_client.api.arguments import Duration, JobLike, JobsLike, PathLike, ProjectLike, ScheduleLike
from luzia_client.api.caller import Caller
from luzia_client.api.requests import (
    DispatchOptions,
    EditOptions,
    Encoding,
    GraphJob,
    Render,
    ScheduledOptions,
    StreamName,
)
from luzia_client.transport.endpoint import REQUEST_TIMEOUT_S


class Client:
    """A client whose methods block until the reply arrives. Threads may share one.

    socket: the path of the daemon's socket; the default is LUZIA_SOCKET, or `luzia.sock` in the runtime directory.
    autostart: start the daemon when none is listening, unless LUZIA_NO_AUTOSTART is set.
    reconnect_s: how long a stream or a wait continues without a daemon.

    The first request connects. `close`, or the end of a `with` block, closes the connection for good. When a connection
    breaks, a request that may safely be done twice is sent again; a dispatch is one of them.

    A verb alone acts on a job, such as `cancel` and `wait`; every other method names its object, such as `list_jobs`.
    Jobs, projects and schedules are accepted by name or as the object that another method returned; paths as str or
    os.PathLike; durations in seconds or as timedelta.

    Every error is a LuziaError with `code`, `message` and `hint`: Refused for an error reply, DaemonUnreachableError,
    ConnectionLostError when the connection broke before the reply, UnexpectedAnswerError when the process on the socket
    is not a compatible daemon, ArgumentError for an invalid argument (also a TypeError and a ValueError),
    ClientStateError for a closed client, and SettingsError for an invalid LUZIA_CACHE_TTL or LUZIA_SOCKET.
    """

    def __init__(self, socket: PathLike | None = None, autostart: bool = True, reconnect_s: Duration = 60.0) -> None:
        self._caller = Caller(arguments.socket_text(socket), autostart, arguments.seconds("reconnect_s", reconnect_s))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} socket='{self.socket}'{' closed' if self._caller.closed else ''}>"

    @property
    def socket(self) -> str:
        """The path of the daemon's socket."""
        return self._caller.socket

    def close(self) -> None:
        """Close the connection; the client cannot be used again."""
        self._caller.close()

    def disconnect(self) -> None:
        """Close the connection until the next request, which opens another."""
        self._caller.disconnect()

    # ------------------------------------------------------------------ dispatching

    def dispatch(
        self, project: ProjectLike, task: str | None = None, **options: Unpack[DispatchOptions]
    ) -> replies.DispatchResult:
        """Dispatch a job. When this returns, the job is on disk, and the result has its id as `job`.

        It never waits for an agent. When the connection breaks, the request is sent again without dispatching twice.

        project: a configured name, or the path of a directory.
        task: the text for the agent, at most 1 MiB; or pass `argv`, an exact command.
        options: see DispatchOptions. Without `parent` the job is a sub-job of the one in which this program runs, if
        any; with an empty one it is not.

        Raises Refused: `unknown_project`, `unknown_agent`, `agent_not_installed`, `invalid_task`, `queue_full`,
        `storage_unavailable`, or an error of one of the options. Raises ArgumentError.
        """
        return self._caller.request(client_requests.dispatch_request(project, task, options), replies.DispatchResult)

    def again(self, job: JobLike, task: str | None = None) -> replies.DispatchResult:
        """Dispatch a new job like an earlier one. When this returns, the new job is on disk.

        task: another task than that of the earlier job.

        Raises Refused: `unknown_job`, `ambiguous_job`, `invalid_task`, or as `dispatch` does.
        """
        return self._caller.request(client_requests.again_request(arguments.job_id(job), task), replies.DispatchResult)

    def graph(
        self, jobs: Sequence[GraphJob], key: str | None = None, parent: JobLike | None = None
    ) -> replies.GraphResult:
        """Dispatch jobs that depend on one another: all or none. The result has their ids by name.

        jobs: see GraphJob. key: the same key returns the same jobs.
        parent: the job whose sub-jobs they are; None is the one in which this program runs, if any, and '' is none.

        Raises Refused: `graph_cycle`, or an error of one of the jobs. Raises ArgumentError, also for an unknown key of
        a job.
        """
        return self._caller.graph(client_requests.graph_request(jobs, key, parent))

    def edit(self, job: JobLike, **options: Unpack[EditOptions]) -> replies.JobChange:
        """Change a queued job. options: see EditOptions; what is left out stays unchanged.

        Raises Refused: `unknown_job`, `job_not_queued`, `graph_cycle`.
        """
        return self._caller.request(client_requests.edit_request(job, options), replies.JobChange)

    def import_jobs(self, jobs: Iterable[Job]) -> replies.ImportResult:
        """Import jobs of another luzia, as `get_job` returns them there. Existing jobs stay as they are.

        jobs: at most 100. A job that is not final becomes `lost`. The result has an entry for each job, in order.
        """
        return self._caller.request(
            requests.Import(jobs=arguments.as_list("jobs", "a list of jobs", jobs)), replies.ImportResult
        )

    # ------------------------------------------------------------------ reading

    def get_job(self, job: JobLike, use_cache: bool = False) -> Job:
        """A job with its attempts.

        job: its id, a unique part of it, `agent:PROJECT:ID`, or `@last` for the newest.
        use_cache: accept an earlier reply that is less than LUZIA_CACHE_TTL seconds old (default 1).

        Raises Refused: `unknown_job`, `ambiguous_job`.
        """
        return self._caller.job(arguments.job_id(job), use_cache)

    def list_jobs(
        self,
        projects: str | Iterable[str] = (),
        states: JobState | Iterable[JobState] = (),
        limit: int = 50,
        cursor: int | None = None,
        tags: Mapping[str, str] | None = None,
        parent: JobLike | None = None,
        since: datetime | None = None,
        sort: SortKey = "created",
        reverse: bool = False,
        search: str = "",
        agents: str | Iterable[str] = (),
    ) -> replies.JobPage:
        """A page of jobs, newest first unless `sort` is given, with the number of jobs in each state.

        projects, states, tags: only jobs of these projects (names or paths), in these states, with all of these tags.
        agents: only jobs of these agents.
        parent: only sub-jobs of this job. since: only jobs dispatched at this time or later.
        search: only jobs that have all of these words in their task, last message, project, tags or id, in any case.
        sort: times and quantities descending, text ascending; reverse: the opposite order.
        limit: jobs in the page, 1 to 1000. cursor: `next` of the previous page, None for the first.

        Listed jobs have the first 256 characters of their task and no attempts; `get_job` returns all of it.
        """
        request = requests.List(
            projects=arguments.project_list(projects),
            states=arguments.job_states(states),
            limit=limit,
            cursor=cursor,
            tags=arguments.string_map("tags", tags or {}),
            parent=None if parent is None else arguments.job_id(parent),
            since=None if since is None else arguments.aware("since", since),
            sort=sort,
            reverse=reverse,
            search=search,
            agents=arguments.string_list("agents", agents),
        )
        return self._caller.request(request, replies.JobPage)

    def iter_jobs(
        self,
        projects: str | Iterable[str] = (),
        states: JobState | Iterable[JobState] = (),
        page_size: int = 500,
        tags: Mapping[str, str] | None = None,
        parent: JobLike | None = None,
        search: str = "",
    ) -> Iterator[Job]:
        """All jobs, newest first, fetched `page_size` at a time while the iterator is used.

        projects, states, tags, parent, search: as in `list_jobs`.
        """
        cursor: int | None = None
        while True:
            page = self.list_jobs(
                projects, states, limit=page_size, cursor=cursor, tags=tags, parent=parent, search=search
            )
            yield from page.jobs
            cursor = page.next
            if cursor is None:
                return

    def search_jobs(
        self,
        words: str,
        projects: str | Iterable[str] = (),
        states: JobState | Iterable[JobState] = (),
        agents: str | Iterable[str] = (),
        tags: Mapping[str, str] | None = None,
        parent: JobLike | None = None,
        since: datetime | None = None,
        limit: int = 20,
        cursor: int | None = None,
    ) -> replies.SearchPage:
        """A page of jobs by words in their tasks, messages, changed files and transcripts, newest first.

        words: all must be found in the same attempt; `"a phrase"` in quotation marks is found as it stands, and a `*`
        stands for any end of a word. projects, states, agents, tags, parent, since: as in `list_jobs`.
        limit: jobs in the page, 1 to 100. cursor: `next` of the previous page, None for the first.

        Raises Refused: `bad_request` for words that cannot be searched for.
        """
        request = requests.Search(
            words=words,
            projects=arguments.project_list(projects),
            states=arguments.job_states(states),
            agents=arguments.string_list("agents", agents),
            tags=arguments.string_map("tags", tags or {}),
            parent=None if parent is None else arguments.job_id(parent),
            since=None if since is None else arguments.aware("since", since),
            limit=limit,
            cursor=cursor,
        )
        return self._caller.request(request, replies.SearchPage)

    def get_spending(
        self,
        by: SpendKey | Iterable[SpendKey] = (),
        since: datetime | None = None,
        projects: str | Iterable[str] = (),
    ) -> replies.SpendReport:
        """Cost, tokens and running time of attempts, in total and in groups, and the pace of the budgets of the day.

        by: the kinds of groups: project, agent, model, day, tag. since: the attempts that ended at this time or later,
        and those in progress. projects: only their jobs.
        """
        request = requests.Spend(
            since=None if since is None else arguments.aware("since", since),
            by=[by] if isinstance(by, str) else [*by],
            projects=arguments.project_list(projects),
        )
        return self._caller.request(request, replies.SpendReport)

    def list_past_races(
        self, projects: str | Iterable[str] = (), *, since: datetime | None = None, cursor: int | None = None
    ) -> replies.PastRacers:
        """The jobs of races that were removed, as they were then, in pages. Raises Refused.

        projects: only theirs. since: only those that were dispatched then or later. cursor: the `next` of a page.
        """
        request = requests.PastRaces(projects=arguments.project_list(projects), since=since, cursor=cursor)
        return self._caller.request(request, replies.PastRacers)

    def rebuild_search_index(self) -> replies.SearchRebuilt:
        """Build the index of `search_jobs` again, in the background."""
        return self._caller.request(requests.SearchRebuild(), replies.SearchRebuilt)

    def why(self, job: JobLike) -> replies.WhyResult:
        """A job in full, and what a queued one has to pass before it starts: gates, limits, position, and an estimate.

        Raises Refused: `unknown_job`, `ambiguous_job`.
        """
        return self._caller.request(requests.Why(job=arguments.job_id(job)), replies.WhyResult)

    def get_graph(self, job: JobLike) -> replies.JobGraph:
        """The jobs that a job depends on and those that depend on it, at any distance, parents first; at most 1000.

        Raises Refused: `unknown_job`, `ambiguous_job`.
        """
        return self._caller.request(requests.GraphShow(job=arguments.job_id(job)), replies.JobGraph)

    def read_output(
        self,
        job: JobLike,
        attempt: int | None = None,
        stream: StreamName = "stdout",
        offset: int = 0,
        tail: int | None = None,
        max_bytes: int = 256 * 1024,
        encoding: Encoding = "text",
        render: Render = "none",
    ) -> Output:
        """A piece of an attempt's output.

        attempt: its number, from 1; None is the newest. stream: `stdout` or `stderr`.
        offset: the first byte; `next_offset` of the result is that of the next piece.
        tail: start at the last `tail` lines instead. max_bytes: the size limit, 1 to 1,048,576.
        encoding: `text` replaces invalid UTF-8, `base64` is exact.
        render: `text` or `colour` returns a transcript of the agent's work where there is one, and sets `rendered`.

        Raises Refused: `unknown_job`, `unknown_attempt`.
        """
        request = requests.Logs(
            job=arguments.job_id(job),
            attempt=attempt,
            stream=stream,
            offset=offset,
            tail=tail,
            max_bytes=max_bytes,
            encoding=encoding,
            render=render,
        )
        return self._caller.request(request, Output)

    # ------------------------------------------------------------------ waiting and streams

    def follow(
        self,
        job: JobLike,
        attempt: int | None = None,
        stream: StreamName = "stdout",
        offset: int = 0,
        tail: int | None = None,
        encoding: Encoding = "text",
        render: Render = "none",
    ) -> Iterator[Output | FollowEnd]:
        """An attempt's output as it is written, then a FollowEnd. It continues after a restart of the daemon, exactly.

        attempt: its number, from 1; None is the newest, or the first when none has started yet.
        stream, offset, tail, encoding, render: as in `read_output`.

        Raises Refused as `read_output` does, and DaemonUnreachableError after `reconnect_s` seconds without a daemon.
        """
        request = requests.Follow(
            job=arguments.job_id(job),
            attempt=attempt,
            stream=stream,
            offset=offset,
            tail=tail,
            encoding=encoding,
            render=render,
        )
        return self._caller.follow(request)

    def wait(self, jobs: JobsLike, timeout_s: Duration | None = None) -> replies.WaitResult:
        """Wait until all jobs have finished or `timeout_s` has passed; a restart of the daemon does not end the wait.

        jobs: one, or up to 10,000. timeout_s: the longest wait; None is no limit, and 0 returns at once.
        The result has the jobs in the same order, and `timed_out` when some have not finished.

        Raises Refused: `unknown_job`, and DaemonUnreachableError after `reconnect_s` seconds without a daemon.
        """
        limit_s = None if timeout_s is None else arguments.seconds("timeout_s", timeout_s)
        return self._caller.wait(arguments.job_ids(jobs), limit_s)

    def subscribe(
        self,
        after: int | None = None,
        jobs: JobsLike = (),
        projects: str | Iterable[str] = (),
        kinds: EventKind | Iterable[EventKind] = (),
    ) -> Iterator[Event]:
        """Events without an end, each once and in order, also across restarts of the daemon.

        after: the `seq` of the last event that is already known; later ones that are stored come first. None starts
        with the next event: from this call in a blocking client, from the first iteration in an asynchronous one.
        jobs, projects, kinds: only events of these; empty is all.

        Raises Refused: `events_expired` when events after `after` are no longer stored, with the `oldest_seq` from
        which on all are: list the jobs again, or subscribe after the seq before it. Raises DaemonUnreachableError
        after `reconnect_s` seconds without a daemon.
        """
        request = requests.Subscribe(
            after=after,
            jobs=arguments.job_ids(jobs),
            projects=arguments.project_list(projects),
            kinds=arguments.event_kinds(kinds),
        )
        return self._caller.subscribe(request)

    # ------------------------------------------------------------------ controlling a job

    def cancel(self, job: JobLike) -> replies.JobChange:
        """End a job and its process tree: TERM, and KILL after the grace period. Returns at once.

        Raises Refused: `unknown_job`, `job_final`.
        """
        return self._caller.request(requests.Cancel(job=arguments.job_id(job)), replies.JobChange)

    def pause(self, job: JobLike) -> replies.JobChange:
        """Suspend all processes of a running job; it keeps its slot.

        Raises Refused: `unknown_job`, `job_not_running`.
        """
        return self._caller.request(requests.Pause(job=arguments.job_id(job)), replies.JobChange)

    def resume(self, job: JobLike) -> replies.JobChange:
        """Resume a paused job.

        Raises Refused: `unknown_job`, `job_not_running`.
        """
        return self._caller.request(requests.Resume(job=arguments.job_id(job)), replies.JobChange)

    def hold(self, job: JobLike) -> replies.JobChange:
        """Keep a queued job from starting until it is released. No effect on a held job.

        Raises Refused: `unknown_job`, `job_not_queued`.
        """
        return self._caller.request(operations.Hold(job=arguments.job_id(job)), replies.JobChange)

    def release(self, job: JobLike) -> replies.JobChange:
        """Release a held job, so that it can start. No effect on any other queued job.

        Raises Refused: `unknown_job`, `job_not_queued`.
        """
        return self._caller.request(operations.Release(job=arguments.job_id(job)), replies.JobChange)

    def retry(self, job: JobLike, fresh: bool = False) -> replies.RetryResult:
        """Queue a finished job for another attempt, or start a queued one without its delay.

        fresh: run the task from the start even where the agent could resume its session. The result has in `revived`
        the jobs that were skipped because of this one, and wait for it again.

        Raises Refused: `unknown_job`, `job_not_final`, `dependency_failed`.
        """
        return self._caller.request(requests.Retry(job=arguments.job_id(job), fresh=fresh), replies.RetryResult)

    def send_message(self, job: JobLike, message: str) -> replies.JobChange:
        """Send a follow-up to a job's agent: another attempt resumes its session when the current one has ended.

        Raises Refused: `unknown_job`, `no_session`, `invalid_task`, `dependency_failed`.
        """
        return self._caller.request(requests.Send(job=arguments.job_id(job), message=message), replies.JobChange)

    def attach(self, job: JobLike, then: AfterAttachment | None = None) -> replies.AttachResult:
        """Take over the session of a job's agent. This process has to run the command of the result, in a terminal.

        An attempt in progress is terminated first. Call `detach` when the agent has ended; the end of this process ends
        the attachment, too.
        then: what follows: the job ends (`end`), or its agent continues in the background (`continue`). Required if an
        attempt is in progress. Otherwise a queued job continues, and a finished one stays as it was.

        Raises Refused: `unknown_job`, `cannot_attach`, `job_attached`, `job_not_final`, `no_session`, `no_worktree`.
        """
        request = requests.Attach(job=arguments.job_id(job), pid=os.getpid(), then=then)
        return self._caller.request(request, replies.AttachResult, client_requests.ATTACH_TIMEOUT_S)

    def detach(
        self,
        job: JobLike,
        then: AfterAttachment | None = None,
        exit_code: int | None = None,
        signal: str | None = None,
        completed: bool = False,
    ) -> replies.JobChange:
        """End the use of a job's session in a terminal: report its end, or ask the process that uses it to leave.

        then: another choice than that of `attach`. exit_code, signal: how the agent ended. completed: its task is done.

        Raises Refused: `unknown_job`, `not_attached`.
        """
        job = arguments.job_id(job)
        request = requests.Detach(job=job, then=then, exit_code=exit_code, signal=signal, completed=completed)
        return self._caller.request(request, replies.JobChange)

    def answer_question(
        self, job: JobLike, answers: str | Iterable[str], question: str | None = None
    ) -> replies.JobChange:
        """Answer the question of a job in `waiting`. When this returns, the agent has the answer.

        answers: for a permission `allow`, or `deny` and a text for the agent; for a question one text for each part, or
        the number of an option.
        question: the question's id; None is the oldest.

        Raises Refused: `unknown_job`, `job_not_waiting`, `not_delivered`.
        """
        request = requests.Answer(
            job=arguments.job_id(job), words=arguments.string_list("answers", answers), question=question
        )
        return self._caller.request(request, replies.JobChange)

    def report_progress(
        self,
        job: JobLike,
        percent: float | None = None,
        done: float | None = None,
        total: float | None = None,
        label: str | None = None,
        phase: str | None = None,
    ) -> replies.JobChange:
        """Report the progress of a running job, usually from inside it.

        percent: 0 to 100, short for `done` of a `total` of 100. label: what the numbers count, or what the job is
        doing. phase: its current step.

        Raises Refused: `unknown_job`, `job_not_running`.
        """
        request = requests.ReportProgress(
            job=arguments.job_id(job), percent=percent, done=done, total=total, label=label, phase=phase
        )
        return self._caller.request(request, replies.JobChange)

    def clean_worktree(self, job: JobLike, dry_run: bool = False) -> replies.CleanResult:
        """Delete a finished job's git worktree and branch, unless work would be lost.

        dry_run: delete nothing. The result has `removed`, or in `why` the reason for keeping it.

        Raises Refused: `unknown_job`, `job_not_final`, `no_worktree`.
        """
        request = requests.Clean(job=arguments.job_id(job), dry_run=dry_run)
        return self._caller.request(request, replies.CleanResult, client_requests.CLEAN_TIMEOUT_S)

    def discard(self, job: JobLike) -> replies.DiscardResult:
        """Delete a finished job's git worktree and branch with all work; a copy is kept for `discard_grace_s`.

        Raises Refused: `unknown_job`, `job_not_final`, `no_worktree`, `worktree_kept`.
        """
        request = requests.Discard(job=arguments.job_id(job))
        return self._caller.request(request, replies.DiscardResult, client_requests.CLEAN_TIMEOUT_S)

    def accept(self, job: JobLike) -> replies.JobChange:
        """Accept the work of a completed job that was dispatched with `review`; the jobs that wait for it may start.

        Raises Refused: `unknown_job`, `no_review`.
        """
        return self._caller.request(requests.Accept(job=arguments.job_id(job)), replies.JobChange)

    def reject(self, job: JobLike) -> replies.JobChange:
        """Reject the work of a completed job that was dispatched with `review`; the jobs that need it are skipped.

        Raises Refused: `unknown_job`, `no_review`, `already_accepted`.
        """
        return self._caller.request(requests.Reject(job=arguments.job_id(job)), replies.JobChange)

    def restore_work(self, job: JobLike) -> replies.RestoreResult:
        """Restore the git worktree and the branch of a job as they were discarded.

        Raises Refused: `unknown_job`, `job_not_final`, `nothing_discarded`, `worktree_kept`.
        """
        request = requests.RestoreWork(job=arguments.job_id(job))
        return self._caller.request(request, replies.RestoreResult, client_requests.CLEAN_TIMEOUT_S)

    def remove(self, job: JobLike) -> replies.RemoveResult:
        """Remove a finished job and its files. Its git worktree, if any, is cleaned first; discarded work is deleted.

        Raises Refused: `unknown_job`, `job_not_final`, `worktree_kept`.
        """
        return self._caller.request(
            requests.Remove(job=arguments.job_id(job)), replies.RemoveResult, client_requests.CLEAN_TIMEOUT_S
        )

    # ------------------------------------------------------------------ schedules

    def add_schedule(
        self,
        name: str,
        cron: str,
        project: ProjectLike,
        task: str | None = None,
        *,
        timezone: str | None = None,
        missed: schedules.MissedPolicy = schedules.MissedPolicy.ONCE,
        overlap: schedules.OverlapPolicy = schedules.OverlapPolicy.SKIP,
        replace: bool = False,
        **options: Unpack[ScheduledOptions],
    ) -> schedules.Schedule:
        """Dispatch a job at the times of a cron expression. When this returns, the schedule is on disk.

        timezone: a name of the tz database; None is the local zone. missed, overlap: see MissedPolicy, OverlapPolicy.
        replace: replace the schedule of this name. options: those of a dispatch, except `key` and the start times.

        Raises Refused: `invalid_cron`, `unknown_timezone`, `schedule_exists`, `schedules_full`, and as `dispatch` does.
        """
        request = schedules.ScheduleAdd(
            name=name,
            cron=cron,
            job=client_requests.scheduled_dispatch(project, task, options),
            timezone=timezone,
            missed=missed,
            overlap=overlap,
            replace=replace,
        )
        return self._caller.select(request, schedules.ScheduleResult, _schedule)

    def list_schedules(self) -> list[schedules.Schedule]:
        """All schedules by name, each with its next run."""
        return self._caller.select(schedules.ScheduleList(), schedules.ScheduleListResult, _schedules)

    def get_schedule(self, schedule: ScheduleLike, runs: int = schedules.NEXT_RUNS) -> schedules.Schedule:
        """A schedule with its next `runs` runs.

        Raises Refused: `unknown_schedule`.
        """
        request = schedules.ScheduleShow(name=arguments.schedule_name(schedule), runs=runs)
        return self._caller.select(request, schedules.ScheduleResult, _schedule)

    def pause_schedule(self, schedule: ScheduleLike) -> schedules.Schedule:
        """Dispatch no jobs of a schedule until it is resumed.

        Raises Refused: `unknown_schedule`.
        """
        request = schedules.SchedulePause(name=arguments.schedule_name(schedule))
        return self._caller.select(request, schedules.ScheduleResult, _schedule)

    def resume_schedule(self, schedule: ScheduleLike) -> schedules.Schedule:
        """Dispatch jobs of a paused schedule again; the runs in between are skipped.

        Raises Refused: `unknown_schedule`.
        """
        request = schedules.ScheduleResume(name=arguments.schedule_name(schedule))
        return self._caller.select(request, schedules.ScheduleResult, _schedule)

    def remove_schedule(self, schedule: ScheduleLike) -> schedules.Schedule:
        """Remove a schedule and return it; its jobs stay.

        Raises Refused: `unknown_schedule`.
        """
        request = schedules.ScheduleRemove(name=arguments.schedule_name(schedule))
        return self._caller.select(request, schedules.ScheduleResult, _schedule)

    def run_schedule(self, schedule: ScheduleLike) -> replies.DispatchResult:
        """Dispatch the job of a schedule now; it starts when earlier ones have ended.

        Raises Refused: `unknown_schedule`, and as `dispatch` does.
        """
        request = schedules.ScheduleRun(name=arguments.schedule_name(schedule))
        return self._caller.request(request, replies.DispatchResult)

    # ------------------------------------------------------------------ queues, projects and the daemon

    def pause_queue(self, project: ProjectLike | None = None, running: bool = True) -> operations.QueueChange:
        """Start no jobs of a project, or of any project; running: also pause running jobs."""
        name = None if project is None else arguments.project_text(project)
        return self._caller.request(operations.PauseQueue(project=name, running=running), operations.QueueChange)

    def resume_queue(self, project: ProjectLike | None = None, running: bool = True) -> operations.QueueChange:
        """Start jobs of a project, or of all projects, again; running: also resume paused jobs."""
        name = None if project is None else arguments.project_text(project)
        return self._caller.request(operations.ResumeQueue(project=name, running=running), operations.QueueChange)

    def resume_agent(self, agent: str) -> operations.QueueChange:
        """Start jobs of an agent again that wait for a usage limit or after a failure of its account."""
        return self._caller.request(operations.ResumeAgent(agent=agent), operations.QueueChange)

    def drain_queue(self, end: bool = False) -> operations.QueueChange:
        """Start no jobs until the daemon is stopped; end: start jobs again."""
        return self._caller.request(operations.Drain(end=end), operations.QueueChange)

    def list_projects(self) -> replies.ProjectList:
        """The configured projects by name, and the configuration file."""
        return self._caller.request(requests.Projects(), replies.ProjectList)

    def add_project(self, name: str, path: PathLike, agent: str | None = None) -> replies.ProjectList:
        """Add a project to the configuration file and apply it. path: its directory. agent: its default agent.

        Raises Refused: `project_exists`, `project_directory_missing`, `unknown_agent`, `config_invalid`.
        """
        request = requests.ProjectAdd(name=name, path=arguments.absolute_path("path", path), agent=agent)
        return self._caller.request(request, replies.ProjectList)

    def remove_project(self, project: str | replies.Project) -> replies.ProjectList:
        """Remove a project from the configuration file; its jobs stay.

        Raises Refused: `unknown_project`, `config_invalid`.
        """
        name = project.name if isinstance(project, replies.Project) else project
        return self._caller.request(requests.ProjectRemove(name=name), replies.ProjectList)

    def list_agents(self, versions: bool = True, project: ProjectLike | None = None) -> replies.AgentList:
        """The agents that a job of this program would find, in the order of preference.

        versions: include the version of each installed one, for which its program is started. project: that of the
        jobs whose environment decides; None takes that of a project without settings.
        """
        request = requests.Agents(
            versions=versions,
            client_env=environment.client_env(),
            project=None if project is None else arguments.project_text(project),
        )
        return self._caller.request(request, replies.AgentList)

    def hello(self) -> replies.HelloResult:
        """Negotiate the protocol version. No other request requires it.

        Raises Refused: `unsupported_version`.
        """
        request = requests.Hello(version=PROTOCOL_VERSION, client="luzia_client")
        return self._caller.request(request, replies.HelloResult)

    def get_info(self, unless_storage: str | None = None) -> replies.DaemonInfo:
        """The daemon's version, paths, load and queues. Sizes are in bytes, durations in seconds.

        unless_storage: wait until `storage` is not this, such as `ok`, for up to seven days; None does not wait.
        """
        timeout_s = REQUEST_TIMEOUT_S if unless_storage is None else client_requests.STORAGE_WATCH_S
        return self._caller.request(requests.Info(unless_storage=unless_storage), replies.DaemonInfo, timeout_s)

    def reload_config(self) -> replies.ReloadResult:
        """Reload the daemon's configuration; a file with errors is refused as a whole.

        Raises Refused: `config_invalid`.
        """
        return self._caller.request(requests.Reload(), replies.ReloadResult)

    def stop_daemon(self) -> replies.StopResult:
        """Stop the daemon. Running agents continue, and the next daemon adopts them."""
        return self._caller.request(requests.Shutdown(), replies.StopResult)


def _schedule(reply: schedules.ScheduleResult) -> schedules.Schedule:
    return reply.schedule


def _schedules(reply: schedules.ScheduleListResult) -> list[schedules.Schedule]:
    return reply.schedules
