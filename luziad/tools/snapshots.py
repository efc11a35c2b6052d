"""`luziad --snapshots` and `luziad --restore FILE`, which `luzia daemon snapshots` and `luzia daemon restore` run.

0  success
1  the snapshot cannot be restored, or a daemon is using the state directory; stderr has the reason
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from luzia_protocol.operations import Snapshot

from luziad.config.schema import Config
from luziad.errors import LuziadError
from luziad.journal.loading import load
from luziad.server.runtime_dir import DirectoryLock
from luziad.store import opening, recovery, snapshots
from luziad.supervise.system_errors import describe_error


def show(config: Config) -> int:
    """Print the snapshots as JSON lines, newest first. Each one is read and checked."""
    for file in snapshots.newest_first(Path(config.state_dir)):
        print(msgspec.json.encode(_describe(file)).decode())
    return 0


def restore(config: Config, name: str) -> int:
    """Restore a snapshot. name: the name of a snapshot, or the path of any job store."""
    state_dir = Path(config.state_dir)
    file = Path(name) if "/" in name else state_dir / snapshots.SNAPSHOTS_NAME / name
    try:
        if not file.exists():
            raise LuziadError(f"snapshot {file} not found; list the snapshots with `luzia daemon snapshots`")
        with DirectoryLock(config.state_dir):
            Path(config.jobs_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
            notices = recovery.restore(state_dir, Path(config.jobs_dir), file.absolute(), load)
    except (LuziadError, OSError) as exc:
        print(f"luziad: {describe_error(exc)}", file=sys.stderr)
        return 1
    for notice in notices:
        print(notice)
    return 0


def _describe(file: Path) -> Snapshot:
    status = file.stat()
    jobs = schema = problem = None
    try:
        with closing(opening.open_read_only(file)) as database:
            schema = opening.schema_version(database)
            opening.refuse_newer(schema, file)
            opening.check_store(database)
            if schema == opening.SCHEMA_VERSION:
                opening.check_jobs(database)
            (jobs,) = database.execute("SELECT count(*) FROM jobs").fetchone()
    except (sqlite3.DatabaseError, LuziadError) as exc:
        problem = str(exc)
    taken_at = datetime.fromtimestamp(status.st_mtime, UTC)
    return Snapshot(str(file), taken_at, status.st_size, jobs, schema, problem)
