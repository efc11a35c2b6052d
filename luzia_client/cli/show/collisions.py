"""Jobs that change the same files, in words. Pure."""

from __future__ import annotations

from luzia_client.cli.show.text import harmless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from luzia_protocol.jobs import Collision, Job

MARK = "!"
"""What is before the task of a job, in tables on a terminal, that changes the same files as another one."""
LEGEND = f"{MARK} changes the same files as another job: luzia collisions"
_SHOWN = 5


def describe_collisions(job: Job) -> list[str]:
    """For each other job: `113754-a2f5 changes the same files: app; git cannot merge both`."""
    return [harmless(_describe(each)) for each in job.collisions]


def list_files(names: Sequence[str], count: int) -> str:
    """The first few names, and how many more there are of `count`."""
    more = f" and {count - len(names[:_SHOWN])} more" if count > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _describe(found: Collision) -> str:
    proof = ""
    if found.conflicts:
        proof = f"; git cannot merge {list_files(found.conflicts, len(found.conflicts))}"
    elif found.merges:
        proof = "; git can merge both"
    return f"{found.job} changes the same files: {list_files(found.files, found.file_count)}{proof}"
