"""The command line of `luzia schedule add`: its own options and those of a dispatch, before the task."""

from __future__ import annotations

from typing import Any

from luzia_protocol.schedules import MissedPolicy, OverlapPolicy, Schedule

from luzia_client.api.client import Client
from luzia_client.cli.args.command_line import (
    COMMON_OPTIONS,
    FLAGS,
    DispatchLine,
    is_option,
    parse_dispatch,
    read_task,
)
from luzia_client.cli.args.errors import UsageError, did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_client.cli.args.dispatch_options import OptionHelp

SCHEDULE_OPTIONS = {
    "--every": (
        "INTERVAL",
        "instead of --cron: minutes that divide an hour (up to 30m), hours that divide a day (up to 12h), 1d, 1w, "
        "or days: 'day 9am', 'weekday 9am', 'mon 18:00'",
    ),
    "--cron": ("EXPRESSION", "minute, hour, day of month, month and day of week; or a shorthand such as @daily"),
    "--project": ("PROJECT", "the project, as for `luzia dispatch`"),
    "--timezone": ("ZONE", "the time zone, such as Europe/Berlin (default: the local one)"),
    "--missed": ("POLICY", "missed runs: `once` (default) coalesces them into one, `skip` skips them, `all` runs each"),
    "--overlap": (
        "POLICY",
        "if the previous job is still active: `skip` the run (default), `queue` it, or `cancel` the previous job",
    ),
    "--replace": ("", "replace an existing schedule with the same name"),
}
"""The options that a dispatch does not have: the name of their value, and what they do."""

CHOICES = {"--missed": [*MissedPolicy], "--overlap": [*OverlapPolicy]}
EXCLUDED_OPTIONS = (
    "--name",
    "--key",
    "--in",
    "--at",
    "--after",
    "--after-any",
    "--after-fail",
    "--with-work",
    "--detach",
)
"""Options of a dispatch that do not apply to recurring jobs."""

_HELP = "See `luzia schedule add --help`."


class ScheduleLine:
    """A parsed command line: the schedule's name, its own options, and the dispatch."""

    def __init__(self, name: str, options: dict[str, str], dispatch: DispatchLine) -> None:
        self.name = name
        self.options = options
        self.dispatch = dispatch

    def send(self, client: Client) -> Schedule:
        """Add the schedule."""
        options: dict[str, Any] = dict(self.dispatch.fields)
        if self.dispatch.agent:
            options["agent"] = self.dispatch.agent
        if self.dispatch.env:
            options["env"] = self.dispatch.env
        return client.add_schedule(
            self.name,
            self.options["--cron"],
            self.dispatch.project,
            read_task(self.dispatch, SCHEDULE_OPTIONS),
            timezone=self.options.get("--timezone"),
            missed=MissedPolicy(self.options.get("--missed", MissedPolicy.ONCE)),
            overlap=OverlapPolicy(self.options.get("--overlap", OverlapPolicy.SKIP)),
            replace="--replace" in self.options,
            **options,
        )


def parse_schedule(words: list[str]) -> ScheduleLine:
    """Parse what follows `luzia schedule add`. Options end at the first word of the task, or at `--`.

    Raises UsageError.
    """
    name, position = "", 0
    options: dict[str, str] = {}
    dispatch: list[str] = []
    while position < len(words) and words[position] != "--":
        if is_option(words[position]):
            position = _parse_option(words, position, options, dispatch)
        elif name:
            break
        else:
            name = words[position]
            position += 1
    task = words[position:]
    literal = task[:1] == ["--"]
    if literal:
        del task[0]
        name = name or (task.pop(0) if task else "")
    _check_required(name, options, task, literal)
    line = parse_dispatch([*dispatch, "--", options["--project"], *task], "schedule add")
    line.literal = literal
    return ScheduleLine(name, options, line)


def _parse_option(words: list[str], position: int, options: dict[str, str], dispatch: list[str]) -> int:
    """Add an option to the schedule's or to the dispatch's, and return the position of the next word."""
    option, equals, value = words[position].partition("=")
    if option in EXCLUDED_OPTIONS:
        raise UsageError(f"{option} does not apply to a schedule", f"The schedule starts the jobs. {_HELP}")
    parsed = [words[position]]
    if _takes_value(option) and not equals:
        if position + 1 == len(words):
            raise UsageError(f"{option} requires a value", _HELP)
        value = words[position + 1]
        parsed.append(value)
    if option in SCHEDULE_OPTIONS:
        options[option] = _check_value(option, value)
    else:
        dispatch += parsed
    return position + len(parsed)


def _takes_value(option: str) -> bool:
    from luzia_client.cli.args.dispatch_options import OPTIONS

    if option in SCHEDULE_OPTIONS:
        return bool(SCHEDULE_OPTIONS[option][0])
    if option in FLAGS or option in COMMON_OPTIONS:
        return option in COMMON_OPTIONS
    if option in OPTIONS:
        return bool(OPTIONS[option].value)
    near = did_you_mean(option, [*SCHEDULE_OPTIONS, *COMMON_OPTIONS, *OPTIONS, *FLAGS])
    raise UsageError(f"unknown option {option}", f"{near}{_HELP} To pass it as the task, put `--` before the task.")


def _check_value(option: str, value: str) -> str:
    """The value of one of the schedule's options. Raises UsageError."""
    known = CHOICES.get(option)
    if known is not None and value not in known:
        message = f"{option}: invalid policy '{value}' (choose from {', '.join(known)})"
        raise UsageError(message, did_you_mean(value, known) + _HELP)
    if SCHEDULE_OPTIONS[option][0] and not value.strip():
        raise UsageError(f"{option} requires a value", "The value is empty.")
    return value


def list_options() -> list[OptionHelp]:
    """The schedule's options and those of a dispatch, by section."""
    from luzia_client.cli.args.dispatch_options import OptionHelp
    from luzia_client.cli.args.dispatch_options import list_options as list_dispatch_options

    own = [OptionHelp("Schedule", (name,), value, text) for name, (value, text) in SCHEDULE_OPTIONS.items()]
    excluded = {*EXCLUDED_OPTIONS, "--json", "--help"}
    return own + [each for each in list_dispatch_options("dispatch") if not excluded & set(each.names)]


def _check_required(name: str, options: dict[str, str], task: list[str], literal: bool) -> None:
    example = 'For example: luzia schedule add nightly --cron "0 3 * * *" --project . "update the dependencies"'
    if not name:
        raise UsageError("the schedule has no name", example)
    if "--every" in options:
        from luzia_client.cli.args.intervals import parse_interval, refuse_split

        if not literal:
            refuse_split(options["--every"], task)
        if "--cron" in options:
            raise UsageError("--every cannot be combined with --cron", example)
        options["--cron"] = parse_interval(options.pop("--every"))
    for option in ("--cron", "--project"):
        if option not in options:
            raise UsageError(f"{option} is required", example)
