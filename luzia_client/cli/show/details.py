"""Everything about one job, for a person."""

from __future__ import annotations

import os
import shlex
from datetime import datetime

from luzia_protocol.jobs import Attempt, Job, JobState

from luzia_client.cli.show.activity import describe_activity
from luzia_client.cli.show.formatting import (
    PLAN_LABEL,
    STATE_COLOURS,
    format_bar,
    format_current_activity,
    format_duration,
    format_elapsed,
    format_exit,
    format_size,
    format_state,
    shown_percent,
)
from luzia_client.cli.show.questions import describe_question, suggest_answers
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import harmless, one_line

MAX_TASK_LINES = 20
MAX_TASK_CHARS = 2000
LABEL_WIDTH = 13
GENERATED_KEY_PREFIX = "auto-"
"""How the keys begin that the client makes up; they interest nobody."""


def describe_job(job: Job, now: datetime, screen: Screen) -> list[str]:
    """The lines of `luzia jobs ID`."""
    colour = STATE_COLOURS[job.state]
    heading = f"{screen.paint(f'Job {job.id}', 'bold')}  {screen.paint(format_state(job.state), colour)}"
    rows = [
        ("Name", harmless(job.name)),
        ("Project", harmless(job.project)),
        ("Agent", harmless(job.agent)),
        ("Tags", harmless(", ".join(f"{key}={value}" for key, value in job.tags.items()))),
        (_reason_label(job), "" if job.question is not None else harmless(job.reason or "")),
        *describe_question(job),
        ("After", harmless(", ".join([*job.after, *(f"{parent} (any end)" for parent in job.after_any)]))),
        ("If failed", harmless(", ".join(job.after_fail))),
        ("Schedule", format_run(job)),
        ("Sub-job of", harmless(job.parent or "")),
        ("Sub-jobs", _format_sub_jobs(job)),
        ("Progress", format_progress(job, screen, now)),
        *describe_activity(job, now),
        ("Directory", harmless(job.cwd)),
        *describe_worktree(job),
        ("Priority", str(job.priority) if job.priority else ""),
        ("Keeps", format_reservations(job)),
        ("Created", format_local_time(job.created_at)),
        ("Started", format_local_time(job.started_at)),
        ("Ended", format_local_time(job.ended_at)),
        ("Waited", format_waiting_time(job, now)),
        ("Running for" if not job.state.is_final else "Duration", format_running_time(job, now)),
        ("Timeout", "" if job.timeout_s is None else format_duration(job.timeout_s)),
        ("Stalls after", "" if job.stall_timeout_s is None else f"{format_duration(job.stall_timeout_s)} of silence"),
        ("Budget", format_budget(job)),
        ("Exit code", "" if job.exit_code is None else str(job.exit_code)),
        ("Signal", harmless(job.signal or "")),
        ("Used", format_usage(job)),
        ("Process", "" if job.pid is None or job.state.is_final else str(job.pid)),
        ("Key", "" if (job.key or "").startswith(GENERATED_KEY_PREFIX) else harmless(job.key or "")),
        ("Environment", harmless(", ".join(job.env_names))),
        *(("" if number else "Output", harmless(path)) for number, path in enumerate(list_output_files(job))),
    ]
    lines = [heading]
    lines += [f"  {label + ':' if label else '':<{LABEL_WIDTH}}{value}" for label, value in rows if value]
    lines += describe_attempts(job, screen)
    lines += ["", *describe_task(job, screen), ""]
    lines += [f"  {screen.paint(command, 'cyan')}" for command in suggest_commands(job)]
    return lines


def format_run(job: Job) -> str:
    """`nightly, its run of 2026-11-25 03:00:00 +0100`, in the schedule's zone."""
    run = job.run_of
    return "" if run is None else f"{harmless(run.schedule)}, its run of {run.at.strftime('%Y-%m-%d %H:%M:%S %z')}"


def describe_worktree(job: Job) -> list[tuple[str, str]]:
    """Where the job works when that is a worktree of its own, and on what."""
    tree = job.worktree
    if tree is None:
        return []
    without = ", without the uncommitted changes of the project" if tree.dirty else ""
    return [
        ("Worktree", harmless(tree.path)),
        ("Branch", harmless(f"{tree.branch}, from {tree.onto or 'a detached head'} at {tree.base[:12]}{without}")),
    ]


def format_reservations(job: Job) -> str:
    """`gpu=1, 2 CPUs, 4.0 GB of memory`: what is kept for the job while it runs."""
    words = [f"{name}={count}" for name, count in job.needs.items()]
    if job.cpus is not None:
        words.append(f"{job.cpus:g} CPUs")
    if job.memory_bytes is not None:
        words.append(f"{format_size(job.memory_bytes)} of memory")
    return harmless(", ".join(words))


def format_budget(job: Job) -> str:
    """`$2.50, 40 turns`: what the job may use in all."""
    if job.budget is None:
        return ""
    cost, turns = job.budget.max_cost_usd, job.budget.max_turns
    words = [*([] if cost is None else [f"${cost:.2f}"]), *([] if turns is None else [f"{turns} turns"])]
    return ", ".join(words)


def _format_sub_jobs(job: Job) -> str:
    """`1 running, 2 completed: luzia jobs --parent 113754-a2f5`."""
    words = ", ".join(f"{count} {format_state(state)}" for state, count in job.children.items())
    return f"{words}: luzia jobs --parent {job.id}" if words else ""


def _reason_label(job: Job) -> str:
    return "Waits for" if job.state is JobState.QUEUED else "Reason"


def format_progress(job: Job, screen: Screen, now: datetime) -> str:
    """`[██████░░░░] 60% tests (3 of 5)`, or what the job is doing when nobody can say how far it is."""
    value = shown_percent(job)
    words = [] if value is None else [format_bar(value, 20, screen.blocks), f"{value}%"]
    words.append(format_current_activity(job, None if job.state.is_final else now))
    progress = job.progress
    counted = progress is not None and progress.done is not None and progress.total not in (None, 100)
    if progress is not None and counted and progress.label != PLAN_LABEL:
        words.append(f"({progress.done:g} of {progress.total:g})")
    return " ".join(word for word in words if word)


def format_local_time(moment: datetime | None) -> str:
    """The moment on the wall clock here, to the second; nothing for None."""
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def format_waiting_time(job: Job, now: datetime) -> str:
    """How long the job waited, or has waited so far, before its first attempt began."""
    first = job.attempts[0] if job.attempts else None
    begun = (first.starting_at or first.started_at) if first is not None else job.started_at
    if begun is None and job.state.is_final:
        begun = job.ended_at
    return format_duration(((begun or now) - job.created_at).total_seconds())


def format_running_time(job: Job, now: datetime) -> str:
    """How long the newest attempt ran, or has run so far; nothing when it has not started."""
    if job.started_at is None or job.state is JobState.QUEUED:
        return ""
    return format_elapsed(job, now)


def format_usage(job: Job) -> str:
    """`CPU 1.2s user, 0.1s system; 120 MB memory at the peak`, as far as it is known."""
    usage = job.usage
    if usage is None:
        return ""
    words = []
    if usage.user_s is not None and usage.system_s is not None:
        words.append(f"CPU {format_duration(usage.user_s)} user, {format_duration(usage.system_s)} system")
    if usage.max_rss_bytes is not None:
        words.append(f"{format_size(usage.max_rss_bytes)} of memory at the peak")
    return "; ".join(words)


def list_output_files(job: Job) -> list[str]:
    """The files with what the newest attempt wrote, those that are there; both when we may not look."""
    if job.directory is None or job.attempt == 0:
        return []
    directory = f"{job.directory}/{job.attempt}"
    try:
        there = os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError:
        there = ["stdout", "stderr"]
    return [f"{directory}/{stream}" for stream in ("stdout", "stderr") if stream in there]


def describe_attempts(job: Job, screen: Screen) -> list[str]:
    """One line an attempt, when there is more than one, or one and the job waits for the next."""
    if len(job.attempts) < (1 if job.state is JobState.QUEUED else 2):
        return []
    return ["  Attempts:", *(f"    {_format_attempt(attempt, screen)}" for attempt in job.attempts)]


def _format_attempt(attempt: Attempt, screen: Screen) -> str:
    word = "under way" if attempt.outcome is None else attempt.outcome.value.replace("_", " ")
    colour = "" if attempt.outcome is None else "green" if word == "completed" else "red"
    words = [f"{attempt.number:>3}  {screen.paint(word, colour)}"]
    if attempt.duration_s is not None:
        words.append(format_duration(attempt.duration_s))
    if attempt.message is not None:
        words.append(f"“{one_line(attempt.message, 60)}”")
    why = attempt.reason or format_exit(attempt.exit_code, attempt.signal)
    words.append(one_line(why))
    if attempt.activity is not None and attempt.activity.session is not None:
        words.append(f"session {one_line(attempt.activity.session)}")
    return "  ".join(word for word in words if word)


def describe_task(job: Job, screen: Screen) -> list[str]:
    """The task, indented; a long one is cut with a hint where the rest is."""
    if job.argv is not None:
        return ["  Command:", f"    {harmless(shlex.join(job.argv))[:MAX_TASK_CHARS]}"]
    whole = job.task.expandtabs(4).splitlines()
    shown = job.task[:MAX_TASK_CHARS].expandtabs(4).splitlines()[:MAX_TASK_LINES]
    lines = ["  Task:", *(f"    {harmless(line)}".rstrip() for line in shown)]
    if shown != whole:
        hint = f"… {len(whole)} lines, {len(job.task)} characters; all of it: luzia jobs {job.id} --json"
        lines.append(f"    {screen.paint(hint, 'dim')}")
    return lines


def suggest_commands(job: Job) -> list[str]:
    """What one may want to do with the job now."""
    if job.state is JobState.QUEUED:
        held = [f"luzia release {job.id}"] if job.held_at is not None else []
        return [*held, f"luzia jobs {job.id} --watch", f"luzia cancel {job.id}"]
    if not job.state.is_final:
        asked = suggest_answers(job)
        return [*asked, f"luzia jobs {job.id} --watch", f"luzia logs {job.id} -f", f"luzia cancel {job.id}"]
    logs = [f"luzia logs {job.id}"] if job.attempt else []
    tree = [f"luzia diff {job.id}", f"luzia merge {job.id}"] if job.worktree is not None else []
    return [*logs, *tree, f"luzia retry {job.id}", f"luzia remove {job.id}"]
