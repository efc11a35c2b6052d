"""The less frequent options of a dispatch, in one table; loaded only when one of them is used.

A new option is one row here, a field of the protocol's Dispatch, and a check in the daemon.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from luzia_protocol.environment import absolute_path

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.times import explain_ambiguous, parse_duration_s, parse_time, unknown_local_zone

LATE = timedelta(minutes=1)
"""A start time that has passed by less is now: scripts compute it a moment before."""

TASK = "What runs"
PLACE = "Where it runs"
START = "When it starts"
DEPENDENCIES = "Dependencies"
LIMITS = "Limits"
RETRIES = "Retries"
OUTPUT = "Output"
SECTIONS = (TASK, PLACE, START, DEPENDENCIES, LIMITS, RETRIES, OUTPUT)
"""The headings of the options in the help, in order."""


class Option(NamedTuple):
    """section: its heading in the help. field: of the request. value: its name in the help, empty for a switch.

    parse: makes the field's value from the option's name and its text. combine: joins a repetition to the value so far.
    """

    section: str
    field: str
    value: str
    help: str
    parse: Callable[[str, str], Any]
    combine: Callable[[Any, Any], Any] | None = None


class OptionHelp(NamedTuple):
    """An option as the help shows it: its heading, its names, the name of its value, and what it does."""

    section: str
    names: tuple[str, ...]
    value: str
    help: str


def parse_directory(option: str, text: str) -> str:
    """An absolute path."""
    return absolute_path(text)


def parse_duration(option: str, text: str) -> float:
    """A duration in seconds. Raises UsageError."""
    try:
        return parse_duration_s(text)
    except ValueError as exc:
        raise _invalid(option, "duration", text, "90", "1h30m") from exc


def parse_tag(option: str, text: str) -> dict[str, str]:
    """A tag. Raises UsageError."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise _invalid(option, "tag", text, "kind=nightly")
    return {key: value}


def parse_notify(option: str, text: str) -> dict[str, str]:
    """The tag that `luzia notify` reads."""
    return {"notify": "none" if option.startswith("--no-") else text}


def parse_jobs(option: str, text: str) -> list[str]:
    """Ids separated by commas. Raises UsageError."""
    jobs = [job.strip() for job in text.split(",") if job.strip()]
    if not jobs:
        raise _invalid(option, "list of job ids", text, "113754-a2f5,@last")
    return jobs


def parse_start_time(option: str, text: str) -> str:
    """A time in the protocol's format, which has not long passed. Raises UsageError."""
    now = datetime.now(UTC)
    if (zone := unknown_local_zone(text)) is not None:
        hint = f"Correct the variable, or write an offset: {option} 2026-09-20T16:00:00+02:00."
        raise UsageError(f"{option}: unknown time zone '{zone}' in the variable TZ", hint)
    try:
        at = parse_time(text, now)
    except (ValueError, OverflowError) as exc:
        invalid = _invalid(option, "time", text, "23:30", "'tomorrow 9am'", "'mon 18:00'")
        invalid.hint = f"{_instead_of_time(text, now)} {invalid.hint}".lstrip()
        raise invalid from exc
    if now - at > LATE:
        hint = f"Omit {option} to start the job now. For example: {option} 23:30 or {option} 'tomorrow 9am'."
        raise UsageError(f"{option}: '{text}' has already passed", hint)
    return at.isoformat()


def _instead_of_time(text: str, now: datetime) -> str:
    """What to write instead of a text that is no time, if it is known what it means."""
    try:
        parse_duration_s(text)
    except ValueError:
        return explain_ambiguous(text, now)
    return f"For a delay, write --in {shlex.quote(text)}."


def parse_delay(option: str, text: str) -> float:
    """A duration in seconds until the start. Raises UsageError."""
    try:
        return parse_duration(option, text)
    except UsageError as exc:
        try:
            parse_time(text, datetime.now(UTC))
        except (ValueError, OverflowError):
            raise exc from None
        exc.hint = f"For a time, write --at {shlex.quote(text)}. {exc.hint}"
        raise


def parse_count(option: str, text: str) -> int:
    """An integer of 0 or more. Raises UsageError."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise _invalid(option, "number", text, "3")
    return int(text)


def parse_list(option: str, text: str) -> list[str]:
    """Words separated by commas."""
    return [word.strip() for word in text.split(",")]


def parse_backoff(option: str, text: str) -> list[float]:
    """One or two durations in seconds: `2s`, `2s..5m`. Raises UsageError."""
    return [parse_duration(option, part) for part in text.split("..", 1)]


def parse_priority(option: str, text: str) -> int:
    """A priority; the daemon checks its range. Raises UsageError."""
    try:
        return int(text)
    except ValueError as exc:
        raise _invalid(option, "priority", text, "5", "-5") from exc


def parse_resources(option: str, text: str) -> dict[str, int]:
    """Names of resources with amounts, separated by commas. Raises UsageError."""
    amounts: dict[str, int] = {}
    for part in text.split(","):
        name, equals, number = (word.strip() for word in part.partition("="))
        if not name or (equals and not (number.isascii() and number.isdigit() and len(number) < 10)):
            raise _invalid(option, "list of resources", text, "gpu=1,staging-db")
        amounts[name] = int(number or 1)
    return amounts


def parse_cpus(option: str, text: str) -> float:
    """A number of CPUs. Raises UsageError."""
    try:
        return float(text)
    except ValueError as exc:
        raise _invalid(option, "number of CPUs", text, "2", "0.5") from exc


def parse_gpus(option: str, text: str) -> float:
    """A number of GPUs. Raises UsageError."""
    try:
        return float(text)
    except ValueError as exc:
        raise _invalid(option, "number of GPUs", text, "1", "0.5") from exc


def parse_size(option: str, text: str) -> int:
    """Bytes from a size such as 512M or 4G, where K is 1024. Raises UsageError."""
    match = re.fullmatch(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    if match is None:
        raise _invalid(option, "size", text, "512M", "4G")
    factor = 1024 ** " KMGT".index(match[3].upper() or " ")
    return int(float(f"{match[1]}.{match[2] or 0}") * factor)


def parse_dollars(option: str, text: str) -> float:
    """An amount of US dollars. Raises UsageError."""
    try:
        return float(text.removeprefix("$"))
    except ValueError as exc:
        raise _invalid(option, "amount", text, "2.50") from exc


def parse_text(option: str, text: str) -> str:
    """The text itself; the daemon checks it."""
    return text


def parse_switch(option: str, text: str) -> bool:
    """True for `--name`, False for `--no-name`."""
    return not option.startswith("--no-")


def refuse_second_start(first: Any, second: Any) -> Any:
    """Raise UsageError: a job has one start time."""
    raise UsageError("the start time is given twice", "Use --in or --at, and only once.")


def _invalid(option: str, what: str, text: str, *examples: str) -> UsageError:
    shown = " or ".join(f"{option} {example}" for example in examples)
    return UsageError(f"{option}: invalid {what} '{text}'", f"For example: {shown}.")


OPTIONS = {
    "--model": Option(TASK, "model", "MODEL", "the model to use, as the agent names it", parse_text),
    "--permission-mode": Option(
        TASK,
        "permission_mode",
        "MODE",
        "what the agent may do without asking: plan, acceptEdits, …; the error for an unknown MODE lists them",
        parse_text,
    ),
    "--agent-arg": Option(
        TASK,
        "args",
        "ARG",
        "add ARG to the agent's command, such as --effort=high; repeatable",
        lambda _, text: [text],
        list.__add__,
    ),
    "--ask": Option(TASK, "ask", "", "let the agent ask questions; reply with `luzia answer`", parse_switch),
    "--no-ask": Option(TASK, "ask", "", "do not let the agent ask; deny what needs permission", parse_switch),
    "--tag": Option(TASK, "tags", "KEY=VALUE", "label the job for later selection; repeatable", parse_tag, dict.__or__),
    "--name": Option(TASK, "name", "NAME", "name the job; NAME is accepted wherever an ID is", parse_text),
    "--notify": Option(
        TASK,
        "tags",
        "TARGET",
        "send notifications about this job to TARGET; see `luzia notify`",
        parse_notify,
        dict.__or__,
    ),
    "--no-notify": Option(TASK, "tags", "", "send no notifications about this job", parse_notify, dict.__or__),
    "--detach": Option(
        TASK,
        "parent",
        "",
        "from inside a job: dispatch an independent job that can outlive it, instead of a sub-job",
        lambda *_: None,
    ),
    "--cwd": Option(PLACE, "cwd", "DIR", "run in DIR instead of the project directory", parse_directory),
    "--worktree": Option(PLACE, "worktree", "", "run in a new git worktree of the project", parse_switch),
    "--no-worktree": Option(PLACE, "worktree", "", "run in the project directory itself", parse_switch),
    "--base": Option(PLACE, "base", "REF", "run in a new worktree based on this branch, tag or commit", parse_text),
    "--cpus": Option(PLACE, "cpus", "N", "reserve N CPUs on the machine", parse_cpus),
    "--memory": Option(PLACE, "memory_bytes", "SIZE", "reserve memory on the machine: 512M, 4G", parse_size),
    "--needs": Option(
        PLACE, "needs", "NAME[=N],…", "reserve configured resources: gpu=1,staging-db", parse_resources, dict.__or__
    ),
    "--gpus": Option(PLACE, "gpus", "N", "reserve N GPUs on one node of the cluster", parse_gpus),
    "--on": Option(
        PLACE,
        "executor",
        "NAME",
        "run on this cluster, configured in [executors] of config.toml; `local` is this machine",
        parse_text,
    ),
    "--priority": Option(
        START,
        "priority",
        "N",
        "start before jobs with a lower priority (-100 to 100, default: the project's, or 0)",
        parse_priority,
    ),
    "--in": Option(START, "start_in_s", "SPAN", "start after SPAN: 10m, 1h30m, 2d", parse_delay, refuse_second_start),
    "--at": Option(
        START,
        "not_before",
        "TIME",
        "start at TIME: 23:30, tomorrow 9am, mon 18:00, 2027-01-31T09:00",
        parse_start_time,
        refuse_second_start,
    ),
    "--hold": Option(START, "hold", "", "hold the job in the queue until `luzia release`", parse_switch),
    "--expires": Option(
        START, "expires_s", "SPAN", "end the job as expired if it has not started within SPAN", parse_duration
    ),
    "--after": Option(
        DEPENDENCIES,
        "after",
        "ID,…",
        "start when all of these jobs have completed, otherwise skip this job",
        parse_jobs,
        list.__add__,
    ),
    "--after-any": Option(
        DEPENDENCIES,
        "after_any",
        "ID,…",
        "start when these jobs have ended, whatever their outcome",
        parse_jobs,
        list.__add__,
    ),
    "--after-fail": Option(
        DEPENDENCIES,
        "after_fail",
        "ID,…",
        "start when all of these jobs have failed, timed out or been lost, otherwise skip this job",
        parse_jobs,
        list.__add__,
    ),
    "--with-work": Option(
        DEPENDENCIES,
        "with_work",
        "",
        "run in a new worktree that contains the work of the one job on which this job depends",
        parse_switch,
    ),
    "--review": Option(
        DEPENDENCIES,
        "review",
        "",
        "make jobs that depend on this one wait until its work is accepted with `luzia accept`",
        parse_switch,
    ),
    "--timeout": Option(LIMITS, "timeout_s", "SPAN", "time limit for each attempt: 90, 1h30m", parse_duration),
    "--job-timeout": Option(
        LIMITS,
        "job_timeout_s",
        "SPAN",
        "time limit for all attempts, including the delays between them",
        parse_duration,
    ),
    "--stall-timeout": Option(
        LIMITS, "stall_timeout_s", "SPAN", "terminate an attempt that shows no activity for SPAN", parse_duration
    ),
    "--max-turns": Option(LIMITS, "max_turns", "N", "limit on the number of model turns", parse_count),
    "--max-cost": Option(LIMITS, "max_cost_usd", "USD", "cost limit, by the agent's own estimate", parse_dollars),
    "--max-memory": Option(
        LIMITS, "max_memory_bytes", "SIZE", "memory limit for all processes of the job: 512M, 4G", parse_size
    ),
    "--max-cpus": Option(LIMITS, "max_cpus", "N", "CPU limit for all processes of the job: 1.5", parse_cpus),
    "--max-processes": Option(LIMITS, "max_processes", "N", "limit on the number of processes of the job", parse_count),
    "--retries": Option(RETRIES, "retries", "N", "retry a failed attempt up to N times", parse_count),
    "--retry-on": Option(
        RETRIES,
        "retry_on",
        "OUTCOMES",
        "retry only after these outcomes: failed, start_failed, stalled, timed_out, lost "
        "(default: failed,stalled,lost)",
        parse_list,
    ),
    "--backoff": Option(
        RETRIES,
        "backoff_s",
        "SPAN..SPAN",
        "maximum delay before the first retry, and maximum delay before any retry",
        parse_backoff,
    ),
    "--no-auto-resume": Option(
        RETRIES, "auto_resume", "", "fail at a usage limit instead of waiting for it to reset", parse_switch
    ),
}

AGENT_FIELDS = frozenset(("ask", "model", "permission_mode", "args", "max_turns", "max_cost_usd", "auto_resume"))
"""The fields that only an agent can follow, not a plain command."""

_AGENT = OptionHelp(TASK, ("-a", "--agent"), "NAME", "the agent to use; see `luzia agents`")
_COMMON = (
    OptionHelp(
        TASK, ("-e", "--env"), "NAME[=VALUE]", "set an environment variable, or copy it from this shell; repeatable"
    ),
    OptionHelp(
        TASK, ("--key",), "KEY", "idempotency key: dispatching again with the same KEY does not create a second job"
    ),
)
_OUTPUT = (
    OptionHelp(OUTPUT, ("-q", "--quiet"), "", "print only agent:PROJECT:ID"),
    OptionHelp(OUTPUT, ("--json",), "", "print the reply as JSON"),
    OptionHelp(OUTPUT, ("-h", "--help"), "", "show this help"),
)


def list_options(command: str) -> list[OptionHelp]:
    """The options of `dispatch` or `run`, by section."""
    table = [
        OptionHelp(each.section, (name,), each.value, each.help)
        for name, each in OPTIONS.items()
        if command == "dispatch" or each.field not in AGENT_FIELDS
    ]
    return [*([_AGENT] if command == "dispatch" else []), *_COMMON, *table, *_OUTPUT]


def find_agent_option(fields: dict[str, Any]) -> str | None:
    """The name of an option that only an agent can follow, if there is one among the fields of a request."""
    given = AGENT_FIELDS & fields.keys()
    for name, option in OPTIONS.items():
        if option.field in given and (option.value or option.parse(name, "") == fields[option.field]):
            return name
    return None


def set_field(fields: dict[str, Any], name: str, text: str) -> None:
    """Set the field of a request that an option gives. Raises UsageError."""
    option = OPTIONS[name]
    value = option.parse(name, text)
    if option.combine is not None and option.field in fields:
        value = option.combine(fields[option.field], value)
    fields[option.field] = value
    if "start_in_s" in fields and "not_before" in fields:
        refuse_second_start(None, None)
