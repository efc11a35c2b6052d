"""Processes that luzia did not start, told as older luzia code knows jobs: while the program that asks lives.

The kernel tells when such a process ends (pidfd). How it ended, only its parent is told; to everybody else that
remains unknown, unless somebody who knows says it with update_status.
"""

from __future__ import annotations

import os
import select
import threading
import weakref
from datetime import UTC, datetime

from luzia_client.legacy.status import KILL_WORDS, OldStatus

_ENDS = frozenset({"completed", "failed", "killed"})


class TrackedProcess:
    """A process under the name of a job. Safe to share between threads.

    job_id: the caller's name for it. project, task: what to show.
    """

    def __init__(self, job_id: str, pid: int, project: str = "", task: str = "") -> None:
        self.job_id = job_id
        self.project = project
        self._task = task or f"process {pid}"
        self._lock = threading.Lock()
        self._begin = datetime.now(UTC)
        self._history = [("running", "", self._begin)]
        self._progress = 0
        self._exit_code: int | None = None
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._pidfd = -1
            self._end("failed", f"process {pid} has ended before it was tracked")
        else:
            weakref.finalize(self, os.close, self._pidfd)

    def status(self) -> OldStatus:
        """The process as a dict with the keys of old_status."""
        with self._lock:
            self._look()
            word, message, moment = self._history[-1]
            ended = moment if word in _ENDS else None
            return {
                "id": self.job_id,
                "project": self.project,
                "task": self._task,
                "status": word,
                "progress": 100 if word == "completed" else min(self._progress, 99),
                "message": message or word,
                "dispatched_at": self._begin.isoformat(),
                "started_at": self._begin.isoformat(),
                "updated_at": moment.isoformat(),
                "completed_at": None if ended is None else ended.isoformat(),
                "exit_code": self._exit_code,
                "history": [
                    {"status": each, "message": said, "at": at.isoformat()} for each, said, at in self._history
                ],
            }

    def update(self, status: str, progress: float | None, message: str, exit_code: int | None) -> bool:
        """Note what somebody knows of it; False when it has ended. The process itself is left alone."""
        word = "killed" if status in KILL_WORDS else status
        with self._lock:
            self._look()
            if self._history[-1][0] in _ENDS:
                return False
            if progress is not None:
                self._progress = int(min(max(progress, 0), 100))
            if word in _ENDS:
                self._exit_code = exit_code
                self._end(word, message)
            else:
                self._history.append(("running", message, datetime.now(UTC)))
            return True

    def wait(self, timeout: float | None) -> OldStatus:
        """Wait until the process has ended, at most `timeout` seconds, and return its status."""
        if self.status()["status"] not in _ENDS:
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            poll.poll(None if timeout is None else timeout * 1000)
        return self.status()

    def _look(self) -> None:
        """Take note of the end of the process."""
        if self._pidfd < 0 or self._history[-1][0] in _ENDS:
            return
        if not select.select([self._pidfd], [], [], 0)[0]:
            return
        try:
            found = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            self._end("failed", "it has ended; only its parent was told how")
            return
        if found is None or found.si_code != os.CLD_EXITED:
            self._end("killed", "killed by a signal")
            return
        self._exit_code = found.si_status
        self._end("failed" if found.si_status else "completed", f"exit code {found.si_status}")

    def _end(self, word: str, message: str) -> None:
        self._history.append((word, message, datetime.now(UTC)))
