"""The exit status of every luzia command, in one table.

0    success; every awaited job completed
1    an awaited job failed; `doctor` found a problem
2    invalid command line
3    the daemon cannot be reached
4    the daemon refused the request
5    an awaited job was cancelled
6    ... timed out
7    ... is lost
8    ... was skipped
9    ... expired: it did not start in time
10   ... stalled: it showed no activity
11   ... exceeded the time limit of all its attempts
12   ... met a usage limit and does not wait for the reset
13   ... exceeded its budget
70   internal error in luzia (please report it)
74   input or output error
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

_SEVERITY = list(BY_STATE)


def worst_status(ends: list[tuple[str, str | None]]) -> int:
    """The exit status for jobs by state and outcome: that of the job whose state is the most severe."""
    if not ends:
        return OK
    state, outcome = max(ends, key=lambda end: _SEVERITY.index(end[0]))
    return BY_OUTCOME.get(outcome or "", BY_STATE[state])
