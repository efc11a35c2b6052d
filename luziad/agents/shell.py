"""Jobs without an agent: a task as a command line for /bin/sh, and the exact command of `luzia run`.

Their exit code is the verdict.
"""

from __future__ import annotations

from luziad.agents.base import MAX_ARGUMENT_BYTES, Adapter, Command, CommandContext, ExitCodeReader


def shell_command(context: CommandContext) -> Command:
    """Run the task with `sh -c`; `--` keeps a task that begins with a dash from being read as an option."""
    if len(context.task.encode()) <= MAX_ARGUMENT_BYTES:
        argv = ["/bin/sh", "-c", "--", context.task]
    else:
        argv = ["/bin/sh", context.prompt_file]
    return Command(argv, merge_stderr=True)


def exact_command(context: CommandContext) -> Command:
    """Run the job's argv; stdout and stderr go into one file, in the order in which they are written."""
    if context.argv is None:
        raise ValueError(f"job {context.job} has the agent `argv` and no argv")
    return Command(list(context.argv), merge_stderr=True)


ADAPTER = Adapter(name="shell", program=None, command=shell_command, reader=ExitCodeReader)

RUN_ADAPTER = Adapter(name="argv", program=None, command=exact_command, reader=ExitCodeReader)
"""The adapter of `luzia run`."""
