"""What a person's decision about the work of a job means for the daemon's record of it."""

from __future__ import annotations

from luzia_protocol.jobs import Job, JobState

from luzia_client.api.client import Client
from luzia_client.trees.merge import MergeResult


def record_acceptance(client: Client, job: Job, merged: MergeResult) -> None:
    """Record that all work of a completed job was accepted, after a merge; jobs without `review` need no record.

    A merge of rejected work accepts it after all. Doing it twice changes nothing. Raises Refused.
    """
    if job.review is not None and job.state is JobState.COMPLETED and not merged.files_left:
        client.accept(job.id)
