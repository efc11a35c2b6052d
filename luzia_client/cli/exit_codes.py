"""The exit status of every luzia command, in one table.

0    done; every job that was waited for completed
1    a job that was waited for failed; `doctor` found something wrong
2    the command line is wrong
3    no daemon can be reached
4    the daemon refused the request
5    a job that was waited for was cancelled
6    ... timed out
7    ... is lost
8    ... was skipped
9    ... expired: it had not begun when it must have
10   ... stalled: it gave no sign of life
11   ... is overdue: all its attempts together took too long
12   ... met a usage limit, and does not wait for its end
13   ... used more than its budget
70   luzia itself failed (please report it)
74   a file cannot be read, or the output cannot be written
124  `wait --timeout` was over first
130  interrupted (Ctrl-C)
141  whoever read the output went away
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
"""The status for each final state, from the best to the worst."""

BY_OUTCOME = {
    "expired": JOB_EXPIRED,
    "stalled": JOB_STALLED,
    "overdue": JOB_OVERDUE,
    "usage_limited": JOB_USAGE_LIMITED,
    "over_budget": JOB_OVER_BUDGET,
}
"""The status for outcomes that are told apart from others of the same state."""

_BADNESS = list(BY_STATE)


def worst_status(ends: list[tuple[str, str | None]]) -> int:
    """The status for several jobs, by state and outcome: that of the one whose state is the worst."""
    if not ends:
        return OK
    state, outcome = max(ends, key=lambda end: _BADNESS.index(end[0]))
    return BY_OUTCOME.get(outcome or "", BY_STATE[state])
