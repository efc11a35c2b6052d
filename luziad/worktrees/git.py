"""Runs git so that nothing but luzia's own words decides what it does.

No GIT_* variable of anybody's gets in, no hook runs, no prompt is asked, no pager or file monitor is started. Paths
are absolute, so none is taken for an option, and git looks for a repository no higher than it is told to.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from typing import NamedTuple

TIMEOUT_S = 1800.0
"""A checkout from a slow disk or through a filter may take long; one that never ends must not."""
MAX_OUTPUT_BYTES = 32 * 1024 * 1024
_MAX_WORDS = 300

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
    """Git could not do it; the text is git's own last words."""


class Answer(NamedTuple):
    """code: git's exit code. out: its stdout."""

    code: int
    out: bytes

    @property
    def line(self) -> str:
        """The output as one name or path, without the newline that git puts behind it."""
        return os.fsdecode(self.out.removesuffix(b"\n"))


class Git:
    """Git with an environment. environ: HOME, PATH and the like; what begins with GIT_ is left out."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._env = {name: value for name, value in environ.items() if not name.startswith("GIT_")} | _QUIET
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def stop(self) -> None:
        """End every git that runs, and start no more; git takes back what it has not finished."""
        self._stopped = True
        for process in list(self._running):
            _signal(process, signal.SIGTERM)

    def ask(
        self,
        directory: str,
        *words: str,
        codes: Sequence[int] = (0,),
        index: str | None = None,
        ceiling: str | None = None,
        held: int | None = None,
    ) -> Answer:
        """Run `git words` in a directory.

        codes: the exit codes that are answers. index: another index file. ceiling: look for a repository below
        this directory only. held: a descriptor that stays open as long as git runs. Raises GitError.
        """
        env = dict(self._env)
        if index is not None:
            env["GIT_INDEX_FILE"] = index
        if ceiling is not None:
            env["GIT_CEILING_DIRECTORIES"] = ceiling
        argv = ["git", *(part for setting in _SETTINGS for part in ("-c", setting)), *words]
        if self._stopped:
            raise GitError("the daemon is ending")
        try:
            with tempfile.TemporaryFile() as errors:
                return self._run(argv, directory, env, () if held is None else (held,), errors.fileno(), codes)
        except OSError as exc:
            raise GitError(f"git cannot be run in {directory}: {exc.strerror}") from exc

    def _run(
        self, argv: list[str], place: str, env: dict[str, str], held: Sequence[int], errors: int, codes: Sequence[int]
    ) -> Answer:
        with subprocess.Popen(
            argv,
            cwd=place,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            process_group=0,
            pass_fds=held,
        ) as process:
            assert process.stdout is not None
            self._running.add(process)
            timer = threading.Timer(TIMEOUT_S, _signal, (process, signal.SIGKILL))
            timer.daemon = True
            timer.start()
            try:
                out = process.stdout.read(MAX_OUTPUT_BYTES + 1)
                if len(out) > MAX_OUTPUT_BYTES:
                    _signal(process, signal.SIGKILL)
                    raise GitError(f"git {argv[-1]} says more than {MAX_OUTPUT_BYTES} bytes")
                code = process.wait()
            finally:
                timer.cancel()
                self._running.discard(process)
        if code not in codes:
            raise GitError(_last_words(errors) or f"git {argv[-1]} ended with {code}")
        return Answer(code, out)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal git and what it has started: a checkout is a process of its own."""
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.killpg(process.pid, number)


def _last_words(errors: int) -> str:
    """What git said last on stderr, in one line."""
    size = os.fstat(errors).st_size
    text = os.pread(errors, 4096, max(0, size - 4096)).decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "")
    return told.partition(": ")[2][:_MAX_WORDS] if told.startswith(("fatal:", "error:")) else told[:_MAX_WORDS]
