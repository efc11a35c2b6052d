"""The shell agent: the task is a command line for /bin/sh, and its exit code is the verdict."""

from __future__ import annotations

from luziad.agents.base import (
    MAX_ARGUMENT_BYTES,
    NESTING_VARIABLES,
    Adapter,
    Command,
    Context,
    ExitCodeReader,
)


def command(context: Context) -> Command:
    """Run the task with `sh -c`; `--` keeps a task that begins with a dash from being read as an option."""
    if len(context.task.encode()) <= MAX_ARGUMENT_BYTES:
        argv = ["/bin/sh", "-c", "--", context.task]
    else:
        argv = ["/bin/sh", context.prompt_file]
    return Command(argv, drop_env=NESTING_VARIABLES, merge_stderr=True)


ADAPTER = Adapter(
    name="shell",
    program=None,
    command=command,
    reader=ExitCodeReader,
    reads_output=False,
)
