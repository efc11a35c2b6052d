"""`luzia` without words: the list of jobs, and the two things to do next. It does not start the daemon."""

from __future__ import annotations

from luzia_protocol import state_names

from luzia_client.cli.show import listing
from luzia_client.cli.show.screen import stdout_screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from luzia_protocol.jobs import Job

    from luzia_client.cli.show.wire_jobs import Exchange

STEPS = 2
STEP_WIDTH = 36
LINES_OF_STEPS = STEPS + 2
MAX_WORKTREES = 3
"""In how many worktrees git looks for unmerged work: some hundredths of a second each."""


def print_overview(exchange: Exchange) -> bool:
    """Print the list and what to do next; False when the daemon is not running.

    exchange: sends a line to the daemon and returns its reply, without starting it; raises OSError.
    """
    query = listing.JobQuery([], [], {}, listing.DEFAULT_LIMIT)
    try:
        jobs = listing.print_jobs_table(query, exchange, True, LINES_OF_STEPS)
    except OSError:
        return False
    print("\nNext:")
    screen = stdout_screen()
    for command, text in list(next_steps(jobs))[:STEPS]:
        print(f"  {screen.paint(f'{command:<{STEP_WIDTH}}', 'cyan')} {text}")
    return True


def next_steps(jobs: Sequence[Job]) -> Iterator[tuple[str, str]]:
    """Commands and what they do, the most urgent first; at least two. jobs: by turn."""
    found: dict[str, Job] = {job.state: job for job in reversed(jobs)}
    if (job := found.get(state_names.WAITING)) is not None:
        yield f"luzia answer {job.id}", "answer its agent, which waits for you"
    failed = next((job for job in jobs if job.state in state_names.UNSUCCESSFUL), None)
    if failed is not None:
        yield f"luzia why {failed.id}", "see why it failed"
    active = next((job for job in jobs if job.state in state_names.ACTIVE and job.state != state_names.WAITING), None)
    if active is not None:
        yield f"luzia logs -f {active.id}", "follow its output"
    elif (job := found.get(state_names.QUEUED)) is not None:
        yield f"luzia why {job.id}", "see why it does not start"
    completed = [job for job in jobs if job.state == state_names.COMPLETED and job.worktree is not None]
    changed = next((job for job in completed[:MAX_WORKTREES] if _has_work(job)), None)
    if changed is not None:
        yield f"luzia diff {changed.id}", "review what it changed"
    yield 'luzia . "fix the tests"', "run a task in the current directory"
    yield "luzia --help", "list all commands"


def _has_work(job: Job) -> bool:
    """Whether the job's worktree has work that is not merged yet, as far as git can tell."""
    from luzia_client.trees import WorktreeError, worktree_of
    from luzia_client.trees.merge import is_merged

    try:
        return not is_merged(worktree_of(job))
    except WorktreeError:
        return True  # `luzia diff` tells what is wrong with it
