"""Runs git in a controlled environment.

GIT_* variables are not passed on, and no hook, prompt, pager or file monitor runs. Paths are absolute, so that none is
mistaken for an option, and git searches for a repository only up to a given directory.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from luziad.supervise import tree
from luziad.supervise.process_output import await_end, read_output

TIMEOUT_S = 1800.0
"""A checkout from a slow disk or through a filter may take long, but must end."""
STALL_S = 60.0
"""Git is ended when it and its filters have used no processor time, and read and written nothing, for this time."""
MAX_OUTPUT_BYTES = 32 * 1024 * 1024
MAX_DATA_BYTES = 4 * 1024**3
"""The memory of git, without the files that it maps: a small commit can have more files than any machine has memory."""
_MAX_ERROR_CHARS = 300

_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "submodule.recurse=false",
    "status.submoduleSummary=false",
    "advice.detachedHead=false",
)
_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ASKPASS": "/bin/false",
    "SSH_ASKPASS": "/bin/false",
    "LC_ALL": "C",
}


class GitError(Exception):
    """A git command failed. The message is git's own."""


class GitResult(NamedTuple):
    """code: git's exit code. out: its stdout."""

    code: int
    out: bytes

    @property
    def line(self) -> str:
        """The output as one name or path, without git's newline."""
        return os.fsdecode(self.out.removesuffix(b"\n"))


class GitProcesses:
    """The running git processes of all jobs."""

    def __init__(self) -> None:
        self.running: set[subprocess.Popen[bytes]] = set()
        self.stopped = False

    def stop(self) -> None:
        """Terminate all running git processes, and start no more. Git rolls back unfinished changes."""
        self.stopped = True
        for process in list(self.running):
            _signal(process, signal.SIGTERM)


class Git:
    """Runs git with the environment of a job.

    environ: its environment; variables that begin with GIT_ are dropped. umask: None is this process's.
    processes: where its processes are counted. own: variables of git that are luzia's.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        umask: int | None = None,
        processes: GitProcesses | None = None,
        own: Mapping[str, str] | None = None,
    ) -> None:
        passed_on = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
        self._env = passed_on | _QUIET | dict(own or {})
        self._umask = umask
        self.processes = processes or GitProcesses()

    def writing_to(self, objects: str, alternates: str) -> Git:
        """The same, but new objects are written into the directory `objects`. alternates: where the others are."""
        own = {"GIT_OBJECT_DIRECTORY": objects, "GIT_ALTERNATE_OBJECT_DIRECTORIES": alternates}
        return Git(self._env, self._umask, self.processes, own)

    def run(
        self,
        directory: str,
        *arguments: str,
        codes: Sequence[int] = (0,),
        index: str | None = None,
        ceiling: str | None = None,
        keep_open: int | None = None,
        max_bytes: int = MAX_OUTPUT_BYTES,
    ) -> GitResult:
        """Run git with these arguments in a directory. Raises GitError.

        codes: the accepted exit codes. index: another index file. ceiling: search for a repository below this directory
        only. keep_open: a descriptor that stays open while git runs. max_bytes: the most that git may print.
        """
        env = dict(self._env)
        if index is not None:
            env["GIT_INDEX_FILE"] = index
        if ceiling is not None:
            env["GIT_CEILING_DIRECTORIES"] = ceiling
        argv = ["git", *(part for setting in _SETTINGS for part in ("-c", setting)), *arguments]
        if self.processes.stopped:
            raise GitError("git was stopped")
        try:
            with tempfile.TemporaryFile() as errors:
                pass_fds = () if keep_open is None else (keep_open,)
                return self._execute(argv, directory, env, pass_fds, errors.fileno(), codes, max_bytes)
        except (OSError, ValueError) as exc:  # ValueError: a file of the repository names something with a NUL
            raise GitError(f"cannot run git in {directory}: {getattr(exc, 'strerror', None) or exc}") from exc

    def _execute(
        self,
        argv: list[str],
        cwd: str,
        env: dict[str, str],
        pass_fds: Sequence[int],
        errors: int,
        codes: Sequence[int],
        max_bytes: int,
    ) -> GitResult:
        with subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            process_group=0,
            pass_fds=pass_fds,
            umask=-1 if self._umask is None else self._umask,
        ) as process:
            _limit_memory(process.pid)
            self.processes.running.add(process)
            if self.processes.stopped:  # meanwhile
                _signal(process, signal.SIGTERM)
            deadline_s = time.monotonic() + TIMEOUT_S
            try:
                progress = _Progress(process.pid)
                out = read_output(process, max_bytes + 1, deadline_s, progress.check)
                if len(out) > max_bytes:
                    raise GitError(f"the output of git {argv[-1]} exceeds {max_bytes} bytes")
                code = await_end(process, deadline_s, progress.check)
            except StalledError as exc:
                raise GitError(
                    f"git {argv[-1]} made no progress for {STALL_S:g} s: the repository contains a path that is not a"
                    " regular file, such as a FIFO, or a filter hangs"
                ) from exc
            except TimeoutError as exc:
                raise GitError(f"git {argv[-1]} did not finish within {TIMEOUT_S:g} s") from exc
            finally:
                if process.returncode is None:
                    _signal(process, signal.SIGKILL)
                self.processes.running.discard(process)
        if code not in codes:
            raise GitError(_error_message(errors) or f"git {argv[-1]} failed with exit code {code}")
        return GitResult(code, out)


class StalledError(Exception):
    """A process does nothing, and waits for nothing that would end."""


class _Progress:
    """Whether the processes of a group do anything. A disk that is slow is no reason to end them."""

    def __init__(self, group: int) -> None:
        self._group = group
        self._seen: set[str] = set()
        self._seen_at = time.monotonic()

    def check(self) -> None:
        """Raise StalledError when they have done nothing for STALL_S. To be called repeatedly."""
        if time.monotonic() < self._seen_at + STALL_S:
            return
        seen, self._seen_at = self._look(), time.monotonic()
        if seen == self._seen:
            raise StalledError
        self._seen = seen

    def _look(self) -> set[str]:
        """What each has done so far: its processor time, and what it has read and written."""
        found = set()
        for process in tree.processes():
            if process.group == self._group:
                with contextlib.suppress(OSError):  # it has ended
                    waits = f"{self._seen_at} waits for a disk" if process.state == "D" else ""
                    done = [Path(f"/proc/{process.pid}/{name}").read_text() for name in ("schedstat", "io")]
                    found.add(f"{process.pid} {waits} {done}")
        return found


def _limit_memory(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended
        _, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
        soft = MAX_DATA_BYTES if hard == resource.RLIM_INFINITY else min(hard, MAX_DATA_BYTES)
        resource.prlimit(pid, resource.RLIMIT_DATA, (soft, hard))


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal git and its child processes, such as a checkout."""
    with contextlib.suppress(ProcessLookupError):  # it has ended
        os.killpg(process.pid, number)


def _error_message(errors: int) -> str:
    """The last error message on stderr, in one line."""
    size = os.fstat(errors).st_size
    text = os.pread(errors, 4096, max(0, size - 4096)).decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = next((line for line in lines if line.startswith(("fatal:", "error:"))), None)
    message = found.partition(": ")[2] if found is not None else lines[-1] if lines else ""
    return message[:_MAX_ERROR_CHARS]
