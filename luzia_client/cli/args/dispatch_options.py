"""The options of a dispatch that few use, in one table: loaded only when one of them is there.

A new option is one row here, a field of the protocol's Dispatch, and a check in the daemon.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from luzia_protocol.environment import absolute_path

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.times import parse_duration_s, parse_time


class Option(NamedTuple):
    """field: of the request. value: its name in the help, empty for an option without one. text: what it does.

    read: makes the field's value from the option's name and its text. more: joins a repetition to what was there.
    """

    field: str
    value: str
    text: str
    read: Callable[[str, str], Any]
    more: Callable[[Any, Any], Any] | None = None


def directory(option: str, text: str) -> str:
    """An absolute path."""
    return absolute_path(text)


def seconds(option: str, text: str) -> float:
    """A span of time in seconds. Raises UsageError."""
    try:
        return parse_duration_s(text)
    except ValueError as exc:
        raise UsageError(
            f"{option} {text}: no span of time", f"Write for example {option} 90 or {option} 1h30m."
        ) from exc


def tags(option: str, text: str) -> dict[str, str]:
    """A tag. Raises UsageError."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError(f"{option} {text}: no tag", f"Write for example {option} kind=nightly.")
    return {key: value}


def jobs(option: str, text: str) -> list[str]:
    """Ids, separated by commas. Raises UsageError."""
    found = [job.strip() for job in text.split(",") if job.strip()]
    if not found:
        raise UsageError(f"{option} {text}: no job named", f"Write for example {option} 113754-a2f5,@last.")
    return found


def at(option: str, text: str) -> str:
    """A moment, as the protocol has it. Raises UsageError."""
    try:
        return parse_time(text, datetime.now(UTC)).isoformat()
    except (ValueError, OverflowError) as exc:
        hint = f"Write for example {option} 23:30, or {option} 2027-01-31T09:00."
        raise UsageError(f"{option} {text}: no moment", hint) from exc


def count(option: str, text: str) -> int:
    """A whole number, 0 or more. Raises UsageError."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(f"{option} {text}: no whole number", f"Write for example {option} 3.")
    return int(text)


def words(option: str, text: str) -> list[str]:
    """Words with commas between them."""
    return [word.strip() for word in text.split(",")]


def backoff(option: str, text: str) -> list[float]:
    """One or two spans of time: `2s`, `2s..5m`. Raises UsageError."""
    return [seconds(option, part) for part in text.split("..", 1)]


def priority(option: str, text: str) -> int:
    """A priority; the daemon knows which there are. Raises UsageError."""
    try:
        return int(text)
    except ValueError as exc:
        raise UsageError(f"{option} {text}: no whole number", f"Write for example {option} 5 or {option} -5.") from exc


def needs(option: str, text: str) -> dict[str, int]:
    """Names of resources with how much of each, separated by commas. Raises UsageError."""
    found: dict[str, int] = {}
    for part in text.split(","):
        name, equals, number = (word.strip() for word in part.partition("="))
        if not name or (equals and not (number.isascii() and number.isdigit() and len(number) < 10)):
            raise UsageError(f"{option} {text}: no names and counts", f"Write for example {option} gpu=1,staging-db.")
        found[name] = int(number or 1)
    return found


def cpus(option: str, text: str) -> float:
    """A number of CPUs. Raises UsageError."""
    try:
        return float(text)
    except ValueError as exc:
        raise UsageError(f"{option} {text}: no number", f"Write for example {option} 2 or {option} 0.5.") from exc


def size_bytes(option: str, text: str) -> int:
    """A size such as 512M or 4G, K being 1024. Raises UsageError."""
    match = re.fullmatch(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    if match is None:
        raise UsageError(f"{option} {text}: no size", f"Write for example {option} 512M or {option} 4G.")
    factor = 1024 ** " KMGT".index(match[3].upper() or " ")
    return int(float(f"{match[1]}.{match[2] or 0}") * factor)


def dollars(option: str, text: str) -> float:
    """An amount of US dollars. Raises UsageError."""
    try:
        return float(text.removeprefix("$"))
    except ValueError as exc:
        raise UsageError(f"{option} {text}: no amount", f"Write for example {option} 2.50.") from exc


def nobody(option: str, text: str) -> None:
    """An option without a value that says that there is none of something."""


def no(option: str, text: str) -> bool:
    """An option without a value that switches something off."""
    return False


def only_once(known: Any, new: Any) -> Any:
    """Refuse a second word on when the job starts."""
    raise UsageError("--in and --at: the job cannot start at two moments", "Give one of them.")


def yes_or_no(option: str, text: str) -> bool:
    """True for `--name`, False for `--no-name`."""
    return not option.startswith("--no-")


OPTIONS = {
    "--cwd": Option("cwd", "DIR", "run there instead of in the project's directory", directory),
    "--timeout": Option("timeout_s", "S", "end the attempt when it has run so long: 90, 1h30m", seconds),
    "--stall-timeout": Option("stall_timeout_s", "S", "end it when it gives no sign of life for so long", seconds),
    "--priority": Option("priority", "N", "start it before jobs of lower priority: -100 to 100", priority),
    "--needs": Option("needs", "NAME=N,…", "keep these resources for it: gpu=1,staging-db", needs, dict.__or__),
    "--cpus": Option("cpus", "N", "keep so many of the machine's CPUs for it", cpus),
    "--memory": Option("memory_bytes", "SIZE", "keep so much of the machine's memory for it: 512M, 4G", size_bytes),
    "--in": Option("start_in_s", "SPAN", "start it so much later: 10m, 1h30m, 2d", seconds, only_once),
    "--retries": Option("retries", "N", "up to N more attempts when one fails", count),
    "--retry-on": Option("retry_on", "OUTCOMES", "after these: failed,stalled,timed_out,lost", words),
    "--backoff": Option("backoff_s", "SPAN..SPAN", "wait up to so long before the first retry, and any", backoff),
    "--expires": Option("expires_s", "SPAN", "give it up when it has not begun so soon", seconds),
    "--job-timeout": Option("job_timeout_s", "SPAN", "for all its attempts and the waits between them", seconds),
    "--max-cost": Option("max_cost_usd", "USD", "end it when it costs more, by its agent's own estimate", dollars),
    "--max-turns": Option("max_turns", "N", "end it when its model takes more turns", count),
    "--no-auto-resume": Option("auto_resume", "", "fail at a usage limit instead of waiting for its end", no),
    "--at": Option("not_before", "TIME", "start it then: 23:30, 2027-01-31T09:00", at, only_once),
    "--hold": Option("hold", "", "queue it, and start it only after `luzia release`", yes_or_no),
    "--detach": Option("parent", "", "from inside a job: no sub-job of it, so that it outlives it", nobody),
    "--tag": Option("tags", "KEY=VALUE", "a word about the job, to select it by; repeatable", tags, dict.__or__),
    "--after": Option("after", "ID,…", "start when these jobs have completed; skip it otherwise", jobs, list.__add__),
    "--after-any": Option("after_any", "ID,…", "start when these jobs have ended in any way", jobs, list.__add__),
    "--after-fail": Option(
        "after_fail", "ID,…", "start when these jobs have failed; skip it otherwise", jobs, list.__add__
    ),
    "--max-memory": Option("max_memory_bytes", "SIZE", "all its processes may have so much: 512M, 4G", size_bytes),
    "--max-processes": Option("max_processes", "N", "so many of them at once", count),
    "--max-cpus": Option("max_cpus", "N", "and use so many CPUs: 1.5", cpus),
    "--worktree": Option("worktree", "", "run in a git worktree of the job's own", yes_or_no),
    "--ask": Option("ask", "", "let the agent ask, and wait for `luzia answer`", yes_or_no),
    "--no-ask": Option("ask", "", "refuse what the agent would have to ask, whatever the project says", yes_or_no),
    "--no-worktree": Option("worktree", "", "run in the project itself, whatever its setting says", yes_or_no),
}


_AGENT = (("-a", "--agent"), "NAME", "which agent (see `luzia agents`)")
_FIRST = (
    (("-e", "--env"), "NAME[=VALUE]", "set a variable, or copy it from here; repeatable"),
    (("--key",), "KEY", "the same key names the same job: asking twice is one"),
)
_LAST = (
    (("-q", "--quiet"), "", "print the job's name only"),
    (("--json",), "", "print the answer as JSON"),
    (("-h", "--help"), "", "show this help"),
)


def list_options(command: str) -> list[tuple[tuple[str, ...], str, str]]:
    """The options of `dispatch` or `run`: their names, the name of their value, and what they do."""
    more = [((name,), each.value, each.text) for name, each in OPTIONS.items()]
    return [*([_AGENT] if command == "dispatch" else []), *_FIRST, *more, *_LAST]


def set_field(fields: dict[str, Any], name: str, text: str) -> None:
    """Put what an option says into the request's fields. Raises UsageError."""
    option = OPTIONS[name]
    value = option.read(name, text)
    if option.more is not None and option.field in fields:
        value = option.more(fields[option.field], value)
    fields[option.field] = value
    if "start_in_s" in fields and "not_before" in fields:
        only_once(None, None)
