"""The details of one job, as `luzia jobs ID` shows them."""

from __future__ import annotations

import os
from datetime import datetime

from luzia_protocol import state_names
from luzia_protocol.money import format_usd
from luzia_protocol.times import to_local

from luzia_client.cli.show.activity import describe_activity, format_work
from luzia_client.cli.show.collisions import describe_collisions
from luzia_client.cli.show.formatting import (
    PLAN_LABEL,
    STATE_COLOURS,
    format_agent,
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
from luzia_client.cli.show.text import format_quantity, hang, harmless, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from luzia_protocol.jobs import Attempt, Job

MAX_TASK_LINES = 20
MAX_TASK_CHARS = 2000
LABEL_WIDTH = 15
GENERATED_KEY_PREFIX = "auto-"
"""Keys that the client generated begin with this; they are not shown."""


def describe_job(job: Job, now: datetime, screen: Screen) -> list[str]:
    """The lines of `luzia jobs ID`."""
    colour = STATE_COLOURS[job.state]
    heading = f"{screen.paint(f'Job {job.id}', 'bold')}  {screen.paint(format_state(job.state), colour)}"
    rows = [
        ("Name", harmless(job.name)),
        ("Called", harmless(job.node or "")),
        ("Project", harmless(job.project)),
        ("Agent", format_agent(job.agent)),
        ("Agent options", format_agent_options(job)),
        ("Tags", harmless(", ".join(f"{key}={value}" for key, value in job.tags.items()))),
        ("Reason", "" if job.question is not None else harmless(job.reason or "")),
        *describe_question(job),
        ("After", harmless(", ".join([*job.after, *(f"{parent} (any end)" for parent in job.after_any)]))),
        ("Review", "" if job.review is None else str(job.review)),
        ("After failure", harmless(", ".join(job.after_fail))),
        ("Schedule", format_run(job)),
        ("Parent job", harmless(job.parent or "")),
        ("Sub-jobs", _format_sub_jobs(job)),
        ("Progress", format_progress(job, screen, now)),
        *describe_activity(job, now),
        ("Lost output", format_lost_output(job)),
        ("Directory", harmless(job.cwd)),
        *describe_worktree(job),
        *(("" if number else "Collisions", words) for number, words in enumerate(describe_collisions(job))),
        ("Priority", str(job.priority) if job.priority else ""),
        ("Executor", harmless(job.executor or "")),
        ("Reserved", format_reservations(job)),
        ("Created", format_local_time(job.created_at)),
        ("Started", format_local_time(job.started_at)),
        ("Ended", format_local_time(job.ended_at)),
        ("Queued for", format_waiting_time(job, now)),
        ("Running for" if not job.state.is_final else "Duration", format_running_time(job, now)),
        ("Timeout", "" if job.timeout_s is None else format_duration(job.timeout_s)),
        (
            "Stall timeout",
            "" if job.stall_timeout_s is None else f"{format_duration(job.stall_timeout_s)} without output",
        ),
        ("Budget", format_budget(job)),
        ("Exit code", "" if job.exit_code is None else str(job.exit_code)),
        ("Signal", harmless(job.signal or "")),
        ("Resources", format_usage(job)),
        ("PID", "" if job.pid is None or job.state.is_final else str(job.pid)),
        ("Key", "" if (job.key or "").startswith(GENERATED_KEY_PREFIX) else harmless(job.key or "")),
        ("Environment", harmless(", ".join(job.env_names))),
        *(("" if number else "Output", harmless(path)) for number, path in enumerate(list_output_files(job))),
    ]
    lines = [heading]
    for label, value in rows:
        if value:
            head = f"  {label + ':' if label else '':<{LABEL_WIDTH}}"
            lines += hang(head, value, screen.width, len(head))
    lines += describe_attempts(job, screen)
    lines += ["", *describe_task(job, screen), ""]
    lines += [f"  {screen.paint(command, 'cyan')}" for command in suggest_commands(job)]
    return lines


def format_agent_options(job: Job) -> str:
    """`model opus, permission mode plan, arguments --effort=high`: what its agent is started with."""
    words = [
        "" if job.model is None else f"model {job.model}",
        "" if job.permission_mode is None else f"permission mode {job.permission_mode}",
        f"arguments {_join_words(job.args)}" if job.args else "",
    ]
    return harmless(", ".join(filter(None, words)))


def format_run(job: Job) -> str:
    """`nightly, run of 2026-11-25 03:00:00 +0100`, in the schedule's time zone."""
    run = job.run_of
    return "" if run is None else f"{harmless(run.schedule)}, run of {run.at.strftime('%Y-%m-%d %H:%M:%S %z')}"


def describe_worktree(job: Job) -> list[tuple[str, str]]:
    """The job's worktree and branch, if it has its own."""
    tree, kept = job.worktree, job.discarded
    discarded = "" if kept is None else f"kept until {format_local_time(kept.kept_until)}"
    if tree is None:
        return [("Discarded", discarded)]
    without = ", without the project's uncommitted changes" if tree.dirty else ""
    return [
        ("Worktree", harmless(tree.path)),
        ("Branch", harmless(f"{tree.branch}, from {tree.onto or 'a detached HEAD'} at {tree.base[:12]}{without}")),
        ("Discarded", discarded),
    ]


def format_lost_output(job: Job) -> str:
    """`at least 1.2 kB, truncated by the job (…)`: what is missing in the output of the newest attempt."""
    lost = job.attempts[-1].lost_bytes if job.attempts else 0
    return f"at least {format_size(lost)}, truncated by the job (as by `> /dev/stderr`)" if lost else ""


def format_reservations(job: Job) -> str:
    """`gpu=1, 2 CPUs, 4.0 GB memory`: what is reserved for the job while it runs."""
    words = [f"{name}={count}" for name, count in job.needs.items()]
    if job.cpus is not None:
        words.append(f"{job.cpus:g} CPU{'' if job.cpus == 1 else 's'}")
    if job.memory_bytes is not None:
        words.append(f"{format_size(job.memory_bytes)} memory")
    if job.gpus is not None:
        words.append(f"{job.gpus:g} GPU{'' if job.gpus == 1 else 's'}")
    return harmless(", ".join(words))


def format_budget(job: Job) -> str:
    """`$2.50, $1.10 left, 40 turns`: the limits of all attempts together, and what is left of the cost."""
    if job.budget is None:
        return ""
    cost, left, turns = job.budget.max_cost_usd, job.budget.cost_left_usd, job.budget.max_turns
    words = [
        "" if cost is None else format_usd(cost),
        "" if left is None or left == cost else f"{format_usd(left)} left",
        "" if turns is None else format_quantity(turns, "turn"),
    ]
    return ", ".join(filter(None, words))


def _format_sub_jobs(job: Job) -> str:
    """`1 running, 2 completed: luzia jobs --parent 113754-a2f5`."""
    words = ", ".join(f"{count} {format_state(state)}" for state, count in job.children.items())
    return f"{words}: luzia jobs --parent {job.id}" if words else ""


def format_progress(job: Job, screen: Screen, now: datetime) -> str:
    """`[██████░░░░] 60% tests (3 of 5)`; without a percentage only the current activity."""
    value = shown_percent(job)
    words = [] if value is None else [format_bar(value, 20, screen.blocks), f"{value}%"]
    words.append(format_current_activity(job, None if job.state.is_final else now))
    progress = job.progress
    counted = progress is not None and progress.done is not None and progress.total not in (None, 100)
    if progress is not None and counted and progress.label != PLAN_LABEL:
        words.append(f"({progress.done:g} of {progress.total:g})")
    return " ".join(word for word in words if word)


def format_local_time(time: datetime | None) -> str:
    """The local time to the second; empty for None."""
    return "" if time is None else to_local(time).strftime("%Y-%m-%d %H:%M:%S %z")


def format_waiting_time(job: Job, now: datetime) -> str:
    """The time before the first attempt started, or so far."""
    first = job.attempts[0] if job.attempts else None
    until = (first.starting_at or first.started_at) if first is not None else job.started_at
    if until is None and job.state.is_final:
        until = job.ended_at
    return format_duration(((until or now) - job.created_at).total_seconds())


def format_running_time(job: Job, now: datetime) -> str:
    """The running time of the newest attempt, so far if it has not ended; empty if it has not started."""
    if job.started_at is None or job.state == state_names.QUEUED:
        return ""
    return format_elapsed(job, now)


def format_usage(job: Job) -> str:
    """`CPU 1.2s user, 0.1s system; 120 MB peak memory`, as far as it is known."""
    usage = job.usage
    if usage is None:
        return ""
    words = []
    if usage.user_s is not None and usage.system_s is not None:
        words.append(f"CPU {format_duration(usage.user_s)} user, {format_duration(usage.system_s)} system")
    if usage.max_rss_bytes is not None:
        words.append(f"{format_size(usage.max_rss_bytes)} peak memory")
    return "; ".join(words)


def list_output_files(job: Job) -> list[str]:
    """The existing output files of the newest attempt; both when the directory is not readable."""
    if job.directory is None or job.attempt == 0:
        return []
    directory = f"{job.directory}/{job.attempt}"
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError:
        names = ["stdout", "stderr"]
    return [f"{directory}/{stream}" for stream in ("stdout", "stderr") if stream in names]


def describe_attempts(job: Job, screen: Screen) -> list[str]:
    """One line per attempt, if there are several, or one and another one is queued."""
    if len(job.attempts) < (1 if job.state == state_names.QUEUED else 2):
        return []
    return ["  Attempts:", *(line for attempt in job.attempts for line in _format_attempt(job, attempt, screen))]


def _format_attempt(job: Job, attempt: Attempt, screen: Screen) -> list[str]:
    runs = job.state != state_names.QUEUED and attempt.number == job.attempt
    without = "in progress" if runs else "not started"
    word = without if attempt.outcome is None else str(attempt.outcome).replace("_", " ")
    colour = "" if attempt.outcome is None else "green" if word == "completed" else "red"
    words = []
    if attempt.duration_s is not None:
        words.append(format_duration(attempt.duration_s))
    words.append(format_work(attempt.activity))
    if attempt.message is not None:
        words.append(f"“{one_line(attempt.message, 60)}”")
    words.append(one_line(attempt.reason or format_exit(attempt.exit_code, attempt.signal)))
    if attempt.activity is not None and attempt.activity.session is not None:
        words.append(f"session {one_line(attempt.activity.session)}")
    number = f"    {attempt.number:>3}  "
    text = "  ".join(word for word in words if word)
    taken = len(number) + len(word) + 2
    lines = hang(f"{number}{screen.paint(word, colour)}  ", text, screen.width, len(number), taken)
    return [line.rstrip() for line in lines]


def describe_task(job: Job, screen: Screen) -> list[str]:
    """The task, indented; a long one is cut, with a hint how to see all of it."""
    if job.argv is not None:
        return ["  Command:", f"    {harmless(_join_words(job.argv))[:MAX_TASK_CHARS]}"]
    whole = job.task.expandtabs(4).splitlines()
    shown = job.task[:MAX_TASK_CHARS].expandtabs(4).splitlines()[:MAX_TASK_LINES]
    lines = ["  Task:", *(f"    {harmless(line)}".rstrip() for line in shown)]
    if shown != whole:
        hint = f"… {len(whole)} lines, {len(job.task)} characters; show all: luzia jobs {job.id} --json"
        lines.append(f"    {screen.paint(hint, 'dim')}")
    return lines


def _join_words(words: Sequence[str]) -> str:
    """The words as a command line for a shell."""
    import shlex  # slow to load, and most jobs have none

    return shlex.join(words)


def suggest_commands(job: Job) -> list[str]:
    """The commands that apply to the job in its state."""
    if job.state == state_names.QUEUED:
        held = [f"luzia release {job.id}"] if job.held_at is not None else []
        return [*held, f"luzia jobs {job.id} --watch", f"luzia cancel {job.id}"]
    if not job.state.is_final:
        return [
            *suggest_answers(job),
            f"luzia jobs {job.id} --watch",
            f"luzia logs {job.id} -f",
            f"luzia cancel {job.id}",
        ]
    logs = [f"luzia logs {job.id}"] if job.attempt else []
    tree = [f"luzia diff {job.id}", f"luzia merge {job.id}"] if job.worktree is not None else []
    if job.worktree is None and job.discarded is not None:
        tree = [f"luzia restore-work {job.id}"]
    if job.review == "wanted" and job.state == state_names.COMPLETED:
        tree += [f"luzia accept {job.id}", f"luzia reject {job.id}"]
    return [*logs, *tree, f"luzia retry {job.id}", f"luzia remove {job.id}"]
