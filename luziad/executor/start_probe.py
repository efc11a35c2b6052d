"""Finds out whether an attempt could be started now: room for its files, and a process."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile

from luziad.supervise import attempt_files

_FILES = 8
"""More than an attempt has at its start."""
_FILE_BYTES = 16 * 1024


def probe_start(jobs_dir: str) -> None:
    """Do what the start of an attempt needs, and undo it. This blocks. Raises OSError with what is missing."""
    directory = tempfile.mkdtemp(prefix=".probe-", dir=jobs_dir)
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for number in range(_FILES):
                os.close(attempt_files.reserve_record(descriptor, f"{number}", _FILE_BYTES))
        finally:
            os.close(descriptor)
    finally:
        shutil.rmtree(directory)
    process = os.posix_spawn(sys.executable, [sys.executable, "-I", "-S", "-c", ""], {})
    os.waitpid(process, 0)
