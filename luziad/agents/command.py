"""The exact command of `luzia run`: no shell, no agent, and its exit code is the verdict."""

from __future__ import annotations

from luziad.agents.base import NESTING_VARIABLES, Adapter, Command, Context, ExitCodeReader


def command(context: Context) -> Command:
    """Run the argv as it is; both outputs go into one file, in the order in which they were written."""
    if context.argv is None:
        raise ValueError(f"job {context.job} is run by `argv` and has none")
    return Command(list(context.argv), drop_env=NESTING_VARIABLES, merge_stderr=True)


ADAPTER = Adapter(
    name="argv",
    program=None,
    command=command,
    reader=ExitCodeReader,
    reads_output=False,
)
