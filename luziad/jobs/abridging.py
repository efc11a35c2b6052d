"""What is kept in memory of a job with long texts: their beginning. The store has them whole. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from luzia_protocol.jobs import LIST_TASK_CHARS

from luziad.jobs.dependencies import Dependencies
from luziad.jobs.record import JobRecord, JobSpec

KEPT_BYTES = 4096
"""The texts of a job are kept in memory up to this size altogether."""
_PARENT_BYTES = 160
"""What a job that another one depends on takes: 75 bytes, and unlike texts these are all in memory."""


def text_size(text: str) -> int:
    """Its bytes in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def measure(record: JobRecord) -> int:
    """The bytes of a job's task, command, system prompt, follow-ups and dependencies."""
    retry = record.status.retry_state
    messages = 0 if retry is None else sum(map(text_size, retry.messages))
    return _texts(record.spec) + messages + parents_size(record.status.dependencies)


def parents_size(after: Dependencies | None) -> int:
    """The bytes of a job's dependencies."""
    return 0 if after is None else _PARENT_BYTES * len(after.parents)


def abridge(record: JobRecord) -> None:
    """Keep the beginning of the job's texts if they are long. Its spec must be in the store as it is."""
    spec = record.spec
    if _texts(spec) <= KEPT_BYTES:
        return
    options = spec.launch_options
    task = spec.task if spec.argv is None else " ".join(spec.argv)
    record.task_bytes = text_size(task)
    record.spec = replace(
        spec,
        task=spec.task[:LIST_TASK_CHARS],
        argv=None if spec.argv is None else [task[:LIST_TASK_CHARS]],
        launch_options=None if options is None else replace(options, system_prompt=""),
    )


def _texts(spec: JobSpec) -> int:
    size = text_size(spec.task)
    if spec.argv is not None:
        size += sum(map(text_size, spec.argv))
    if spec.launch_options is not None:
        size += text_size(spec.launch_options.system_prompt)
    return size
