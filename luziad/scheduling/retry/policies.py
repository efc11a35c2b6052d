"""The retry settings of a job: those of its dispatch, otherwise of its project, otherwise of the daemon."""

from __future__ import annotations

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import NO_TERMS

from luziad.attempts.launch import Launcher
from luziad.config.schema import first_set
from luziad.jobs.record import JobRecord
from luziad.scheduling.retry.backoff import RetryPolicy


class RetryPolicies:
    """Computed on request, so that a reloaded configuration applies to existing jobs."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher

    def retry(self, record: JobRecord) -> RetryPolicy:
        """How often, after which outcomes and after which delays the job is retried."""
        daemon, terms = self._launcher.config.daemon, record.spec.terms or NO_TERMS
        project = self._launcher.config.project(record.project)
        first_s, *rest = first_set(terms.backoff_s, project.backoff_s, daemon.backoff_s)
        return RetryPolicy(
            retries=self._retries(record) or 0,
            on=first_set(terms.retry_on, project.retry_on, daemon.retry_on),
            first_s=first_s,
            most_s=rest[0] if rest else max(first_s, daemon.backoff_s[-1]),
        )

    def after_overload(self, record: JobRecord) -> bool:
        """Whether the job is retried after an overload: unless its retries are set to 0."""
        return self._retries(record) != 0

    def _retries(self, record: JobRecord) -> int | None:
        terms = record.spec.terms or NO_TERMS
        project = self._launcher.config.project(record.project)
        return first_set(terms.retries, project.retries, self._launcher.config.daemon.retries)

    def auto_resume(self, record: JobRecord) -> bool:
        """Whether the job waits for the reset of a usage limit and resumes by itself."""
        terms = record.spec.terms or NO_TERMS
        project = self._launcher.config.project(record.project)
        return first_set(terms.auto_resume, project.auto_resume, self._launcher.config.daemon.auto_resume)

    def resumes(self, record: JobRecord) -> bool:
        """Whether the job's agent can resume a session."""
        try:
            return self._launcher.adapter(record).can_resume
        except Refused:
            return False
