"""Processes that luzia did not start, reported as jobs of older luzia code until this program exits.

The kernel reports the end of such a process (pidfd), but its exit status only to its parent. For any other program the
status stays unknown unless it is passed to update_status.
"""

from __future__ import annotations

import os
import select
import threading
import weakref
from datetime import UTC, datetime

from luzia_client.legacy.status import KILL_WORDS, OldStatus

_FINAL = frozenset({"completed", "failed", "killed"})
_MAX_WAIT_S = 1e6
"""A longer timeout is none: poll counts milliseconds in 32 bits."""


class TrackedProcess:
    """A process that is reported as a job. Threads may share one.

    job_id: its id, chosen by the caller. project, task: the values to report.
    """

    def __init__(self, job_id: str, pid: int, project: str = "", task: str = "") -> None:
        self.job_id = job_id
        self.project = project
        self._task = task or f"process {pid}"
        self._lock = threading.Lock()
        self._started_at = datetime.now(UTC)
        self._history = [("running", "", self._started_at)]
        self._progress = 0
        self._exit_code: int | None = None
        try:
            self._pidfd = os.pidfd_open(pid)
        except (OSError, OverflowError):
            self._pidfd = -1
            self._end("failed", f"process {pid} ended before it was tracked")
        else:
            weakref.finalize(self, os.close, self._pidfd)

    def status(self) -> OldStatus:
        """The process as a dict with the keys of old_status."""
        with self._lock:
            self._check_exit()
            word, message, moment = self._history[-1]
            ended = moment if word in _FINAL else None
            return {
                "id": self.job_id,
                "project": self.project,
                "task": self._task,
                "status": word,
                "progress": 100 if word == "completed" else min(self._progress, 99),
                "message": message or word,
                "dispatched_at": self._started_at.isoformat(),
                "started_at": self._started_at.isoformat(),
                "updated_at": moment.isoformat(),
                "completed_at": None if ended is None else ended.isoformat(),
                "exit_code": self._exit_code,
                "history": [
                    {"status": each, "message": text, "at": at.isoformat()} for each, text, at in self._history
                ],
            }

    def update(self, status: str, percent: int | None, message: str, exit_code: int | None) -> bool:
        """Record a status; False if the process has ended, or for an unknown status. The process is not affected.

        percent, message: None and an empty text leave them as they are.
        """
        word = "killed" if status in KILL_WORDS else status
        if word != "running" and word not in _FINAL:
            return False
        with self._lock:
            self._check_exit()
            last, said, _ = self._history[-1]
            if last in _FINAL:
                return False
            if percent is not None:
                self._progress = percent
            if word in _FINAL:
                self._exit_code = exit_code
                self._end(word, message)
            else:
                self._history.append(("running", message or said, datetime.now(UTC)))
            return True

    def wait(self, timeout: float | None) -> OldStatus:
        """Wait until the process has ended, for at most `timeout` seconds, and return its status."""
        if self.status()["status"] not in _FINAL:
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            poll.poll(None if timeout is None or timeout > _MAX_WAIT_S else max(timeout, 0) * 1000)
        return self.status()

    def _check_exit(self) -> None:
        """Record the end of the process."""
        if self._pidfd < 0 or self._history[-1][0] in _FINAL:
            return
        if not select.select([self._pidfd], [], [], 0)[0]:
            return
        try:
            found = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            self._end("failed", "it has ended; only its parent knows its exit status")
            return
        if found is None or found.si_code != os.CLD_EXITED:
            self._end("killed", "killed by a signal")
            return
        self._exit_code = found.si_status
        self._end("failed" if found.si_status else "completed", f"exit code {found.si_status}")

    def _end(self, word: str, message: str) -> None:
        self._history.append((word, message, datetime.now(UTC)))
