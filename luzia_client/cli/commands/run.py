"""`luzia run PROJECT -- ARGV…`: an exact command as a job."""

from __future__ import annotations

from luzia_client.cli.args import command_line
from luzia_client.cli.commands import dispatch

EXAMPLES = (
    ("luzia run . -- make -j4 test", "an exact command, as it stands"),
    ("luzia run --timeout 10m overbits -- ./deploy staging", "ended when it takes too long"),
)


def run(words: list[str]) -> int:
    """The command: returns the exit status."""
    asked = command_line.parse_dispatch(words, "run")
    if asked.help:
        from luzia_client.cli.help import usage

        return usage.print_dispatch_help("run")
    if asked.agent:
        raise command_line.usage_error("`luzia run` takes no --agent", "It needs no agent.")
    if not asked.words or not asked.words[0]:
        raise command_line.usage_error("no command given", "Write luzia run PROJECT -- PROGRAM ARGUMENT…")
    return dispatch.submit(asked, argv=asked.words)
