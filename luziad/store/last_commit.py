"""The seq of the last commit, in a file beside the store: a store that ends before it has lost commits.

SQLite treats a damaged write-ahead log like one that a crash has truncated, without an error. The file is written after
each commit and never synced, so it may lag behind the store, but is never ahead of it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from zlib import crc32

from luziad.store.files import SEQ_SUFFIX, STORE_NAME

log = logging.getLogger("luziad.store")

_SEQ_DIGITS = 20


class LastCommit:
    """The file of one store. state_dir: the store's directory. Raises OSError."""

    def __init__(self, state_dir: Path) -> None:
        self._fd = os.open(state_dir / (STORE_NAME + SEQ_SUFFIX), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def read(self) -> int:
        """The seq, 0 when there is none or it cannot be read."""
        seq, _, checksum = os.pread(self._fd, 64, 0).partition(b" ")
        return int(seq) if checksum and checksum.strip() == b"%d" % crc32(seq) else 0

    def write(self, seq: int) -> None:
        """Write the seq of a commit."""
        text = b"%0*d" % (_SEQ_DIGITS, seq)
        try:
            os.pwrite(self._fd, b"%b %-10d\n" % (text, crc32(text)), 0)
        except OSError as exc:
            log.warning("last_commit_not_written seq=%d error=%s", seq, exc)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
