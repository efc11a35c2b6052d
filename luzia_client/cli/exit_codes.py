"""The exit status of every luzia command, in one table.

0    success; every awaited job completed
1    an awaited job failed; `doctor`, `config check` or `demo` found a problem
2    invalid command line
3    the daemon cannot be reached
4    refused by the daemon, or by git (for example, a merge conflict)
5    an awaited job was cancelled
6    ... timed out
7    ... is lost
8    ... was skipped
9    ... expired: it did not start in time
10   ... stalled: it showed no activity
11   ... exceeded the time limit of all its attempts
12   ... reached a usage limit, and was not set to wait for the reset
13   ... exceeded its budget
70   internal error in luzia (please report it)
74   input/output error
124  `wait --timeout` expired
130  interrupted (Ctrl-C)
141  broken pipe
"""

from __future__ import annotations

OK = 0
JOB_FAILED = 1
USAGE = 2
UNREACHABLE = 3
REFUSED = 4
JOB_CANCELLED = 5
JOB_TIMED_OUT = 6
JOB_LOST = 7
JOB_SKIPPED = 8
JOB_EXPIRED = 9
JOB_STALLED = 10
JOB_OVERDUE = 11
JOB_USAGE_LIMITED = 12
JOB_OVER_BUDGET = 13
BUG = 70
INPUT_OUTPUT = 74
WAIT_TIMED_OUT = 124
INTERRUPTED = 130
BROKEN_PIPE = 141

BY_STATE = {
    "completed": OK,
    "skipped": JOB_SKIPPED,
    "cancelled": JOB_CANCELLED,
    "timed_out": JOB_TIMED_OUT,
    "failed": JOB_FAILED,
    "lost": JOB_LOST,
}
"""Final state -> exit status, in order of severity."""

BY_OUTCOME = {
    "expired": JOB_EXPIRED,
    "stalled": JOB_STALLED,
    "overdue": JOB_OVERDUE,
    "usage_limited": JOB_USAGE_LIMITED,
    "over_budget": JOB_OVER_BUDGET,
}
"""Outcome -> exit status, where it differs from that of the state."""

ERROR_CODES = {
    USAGE: "usage",
    UNREACHABLE: "unreachable",
    REFUSED: "refused",
    BUG: "internal_error",
    INPUT_OUTPUT: "input_output",
}
"""Exit status -> the code of an error in JSON, for errors that have no code of the daemon."""

OF_JOBS = (*sorted({*BY_STATE.values(), *BY_OUTCOME.values()} - {OK}),)
"""The statuses that tell how awaited jobs ended."""
OF_EVERY_COMMAND = (OK, USAGE, UNREACHABLE, REFUSED, BUG, INPUT_OUTPUT, INTERRUPTED, BROKEN_PIPE)
OF_COMMAND = {
    "wait": (*OF_JOBS, WAIT_TIMED_OUT),
    "logs": OF_JOBS,
    "follow": OF_JOBS,
    "doctor": (JOB_FAILED,),
    "config": (JOB_FAILED,),
    "demo": (JOB_FAILED,),
}
"""Command -> the statuses that it has beside those of every command; `logs` has them with `--follow`."""


def meanings(command: str) -> dict[int, str]:
    """The exit statuses of a command, each with what it says, from the table above."""
    table: dict[int, str] = {}
    subject = ""
    for line in (__doc__ or "").splitlines():
        number, _, text = line.partition(" ")
        if number.isdecimal():
            text = text.strip()
            if text.startswith("..."):
                text = subject + text.removeprefix("...")
            elif text.startswith("an awaited job"):
                subject = "an awaited job"
            table[int(number)] = text
    return {status: table[status] for status in sorted({*OF_EVERY_COMMAND, *OF_COMMAND.get(command, ())})}


_SEVERITY = list(BY_STATE)


def worst_status(ends: list[tuple[str, str | None]]) -> int:
    """The exit status for jobs by state and outcome: that of the job whose state is the most severe."""
    if not ends:
        return OK
    state, outcome = max(ends, key=lambda end: _SEVERITY.index(end[0]))
    return BY_OUTCOME.get(outcome or "", BY_STATE[state])
