"""The grammar of `luzia schedule add`: options of its own, and those of a dispatch, in front of the task."""

from __future__ import annotations

from typing import Any

from luzia_protocol.schedules import MissedPolicy, OverlapPolicy, Schedule

from luzia_client.api.client import Client
from luzia_client.cli.args.command_line import COMMON_OPTIONS, FLAGS, DispatchLine, is_option, parse_dispatch, read_task
from luzia_client.cli.args.errors import UsageError, did_you_mean

SCHEDULE_OPTIONS = {
    "--cron": ("EXPRESSION", "when: minute, hour, day of the month, month, day of the week; @daily and the like"),
    "--project": ("PROJECT", "for which project, as in a dispatch"),
    "--timezone": ("ZONE", "in which time zone: Europe/Berlin; without it the one here"),
    "--missed": ("POLICY", "runs that were missed: once (make up for all by one), skip, or all"),
    "--overlap": ("POLICY", "when the job before has not ended: skip the new one, queue it, or cancel the old one"),
    "--replace": ("", "put it in the place of the schedule of that name"),
}
"""The options that a dispatch does not have: what their value is called, and what they do."""

CHOICES = {"--missed": [*MissedPolicy], "--overlap": [*OverlapPolicy]}
EXCLUDED_OPTIONS = ("--key", "--in", "--at", "--after", "--after-any", "--after-fail")
"""Options of a dispatch that make no sense for one that is repeated."""

_HELP = "See `luzia schedule add --help`."


class ScheduleLine:
    """What the command line asks for: the schedule's name, its own options, and a dispatch."""

    def __init__(self, name: str, own: dict[str, str], asked: DispatchLine) -> None:
        self.name = name
        self.own = own
        self.asked = asked

    def send(self, client: Client) -> Schedule:
        """Have the daemon take it in."""
        options: dict[str, Any] = dict(self.asked.more)
        if self.asked.agent:
            options["agent"] = self.asked.agent
        if self.asked.env:
            options["env"] = self.asked.env
        return client.add_schedule(
            self.name,
            self.own["--cron"],
            self.asked.project,
            read_task(self.asked),
            timezone=self.own.get("--timezone"),
            missed=MissedPolicy(self.own.get("--missed", MissedPolicy.ONCE)),
            overlap=OverlapPolicy(self.own.get("--overlap", OverlapPolicy.SKIP)),
            replace="--replace" in self.own,
            **options,
        )


def parse_schedule(words: list[str]) -> ScheduleLine:
    """Read what follows `luzia schedule add`. Options end at the first word of the task, or at `--`.

    Raises UsageError.
    """
    name, position = "", 0
    own: dict[str, str] = {}
    dispatch: list[str] = []
    while position < len(words) and words[position] != "--":
        if is_option(words[position]):
            position = _take_option(words, position, own, dispatch)
        elif name:
            break
        else:
            name = words[position]
            position += 1
    task = words[position:]
    if task[:1] == ["--"]:
        del task[0]
        name = name or (task.pop(0) if task else "")
    _check_whole(name, own)
    return ScheduleLine(name, own, parse_dispatch([*dispatch, "--", own["--project"], *task], "schedule add"))


def _take_option(words: list[str], position: int, own: dict[str, str], dispatch: list[str]) -> int:
    """Put an option where it belongs, with its value, and return where the next word is."""
    option, equals, value = words[position].partition("=")
    if option in EXCLUDED_OPTIONS:
        raise UsageError(f"{option} does not go with a schedule", "That says when its jobs start. " + _HELP)
    taken = [words[position]]
    if _takes_value(option) and not equals:
        if position + 1 == len(words):
            raise UsageError(f"{option} needs a value", _HELP)
        value = words[position + 1]
        taken.append(value)
    if option in SCHEDULE_OPTIONS:
        own[option] = _checked(option, value)
    else:
        dispatch += taken
    return position + len(taken)


def _takes_value(option: str) -> bool:
    from luzia_client.cli.args.dispatch_options import OPTIONS

    if option in SCHEDULE_OPTIONS:
        return bool(SCHEDULE_OPTIONS[option][0])
    if option in FLAGS or option in COMMON_OPTIONS:
        return option in COMMON_OPTIONS
    if option in OPTIONS:
        return bool(OPTIONS[option].value)
    near = did_you_mean(option, [*SCHEDULE_OPTIONS, *COMMON_OPTIONS, *OPTIONS, *FLAGS])
    raise UsageError(f"unknown option {option}", f"{near}When it is the task, put `--` before it. {_HELP}")


def _checked(option: str, value: str) -> str:
    """The value of an own option. Raises UsageError."""
    known = CHOICES.get(option)
    if known is not None and value not in known:
        raise UsageError(f"{option} {value}: it is one of {', '.join(known)}", did_you_mean(value, known) + _HELP)
    if SCHEDULE_OPTIONS[option][0] and not value.strip():
        raise UsageError(f"{option} needs a value", "It is empty.")
    return value


def list_options() -> list[tuple[tuple[str, ...], str, str]]:
    """All options, its own and those that it shares with a dispatch: names, what the value is called, what they do."""
    from luzia_client.cli.args.dispatch_options import list_options as dispatch_options

    own = [((name,), value, text) for name, (value, text) in SCHEDULE_OPTIONS.items()]
    without = {*EXCLUDED_OPTIONS, "--json", "--help"}
    return own + [option for option in dispatch_options("dispatch") if not without & set(option[0])]


def _check_whole(name: str, own: dict[str, str]) -> None:
    example = 'luzia schedule add nightly --cron "0 3 * * *" --project . "update the dependencies"'
    if not name:
        raise UsageError("the schedule has no name", f"As in: {example}")
    for option, what in (("--cron", "when it runs"), ("--project", "for which project")):
        if option not in own:
            raise UsageError(f"{option} is missing: it says {what}", f"As in: {example}")
