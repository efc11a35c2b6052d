"""Run a command as a job, without a shell: `luzia run PROJECT -- PROGRAM ARGUMENT…`."""

from __future__ import annotations

from luzia_client.cli.args import command_line
from luzia_client.cli.commands import dispatch

EXAMPLES = (
    ("luzia run . -- make -j4 test", "run the command exactly as given"),
    ("luzia run --timeout 10m overbits -- ./deploy staging", "terminate the command after ten minutes"),
)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def run(words: list[str], send: Callable[[bytes], bytes] | None = None) -> int:
    """Run the command; returns the exit status. send: as in dispatch.submit."""
    line = command_line.parse_dispatch(words, "run")
    if line.help:
        from luzia_client.cli.help import usage

        return usage.print_dispatch_help("run")
    if line.agent:
        raise command_line.usage_error("`luzia run` takes no --agent", "It runs the command itself.")
    if line.fields:
        _check_fields(line.fields)
    if not line.words or not line.words[0]:
        from luzia_client.cli.args.foreign_words import find_meaning

        meant = find_meaning(line.project)  # `run list` of another tool
        how = "Usage: luzia run PROJECT -- PROGRAM [ARGUMENT…]"
        raise command_line.usage_error("no command given", f"Did you mean `{meant}`?" if meant else how)
    command_line.check_words(line)
    return dispatch.submit(line, argv=line.words, send=send)


def _check_fields(fields: dict[str, object]) -> None:
    """Raise UsageError for an option that only an agent can follow."""
    from luzia_client.cli.args.dispatch_options import find_agent_option

    option = find_agent_option(fields)
    if option is not None:
        raise command_line.usage_error(
            f"`luzia run` takes no {option}",
            'It runs a plain command. To run a task with an agent: luzia PROJECT "TASK".',
        )
