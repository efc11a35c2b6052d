"""`luziad --snapshots` and `luziad --restore FILE`, which `luzia daemon snapshots` and `luzia daemon restore` run.

0  done
1  it cannot be restored, or a daemon runs with this state directory (stderr says what, and what to do)
"""

from __future__ import annotations

import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from luzia_protocol.operations import Snapshot

from luziad.config.schema import Config
from luziad.errors import LuziadError
from luziad.journal.loading import load
from luziad.server.runtime_dir import lock
from luziad.store import opening, recovery, snapshots


def show(config: Config) -> int:
    """Print the snapshots as JSON lines, newest first; each is read through and checked."""
    for file in snapshots.newest_first(Path(config.state_dir)):
        print(msgspec.json.encode(_look(file)).decode())
    return 0


def restore(config: Config, name: str) -> int:
    """Restore a snapshot: the name of one, or the path of any store of luzia's."""
    state_dir = Path(config.state_dir)
    file = Path(name) if "/" in name else state_dir / snapshots.SNAPSHOTS_NAME / name
    try:
        if not file.exists():
            raise LuziadError(f"there is no snapshot {file}")
        with lock(config.state_dir):
            Path(config.jobs_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
            notices = recovery.restore(state_dir, Path(config.jobs_dir), file.absolute(), load)
    except (LuziadError, OSError) as exc:
        print(f"luziad: {exc}", file=sys.stderr)
        return 1
    for notice in notices:
        print(notice)
    return 0


def _look(file: Path) -> Snapshot:
    status = file.stat()
    jobs = schema = problem = None
    try:
        database = opening.open_read_only(file)
        try:
            schema = opening.schema_version(database)
            opening.refuse_newer(schema, file)
            opening.check_store(database)
            if schema == opening.SCHEMA_VERSION:
                opening.check_jobs(database)
            (jobs,) = database.execute("SELECT count(*) FROM jobs").fetchone()
        finally:
            database.close()
    except (sqlite3.DatabaseError, LuziadError) as exc:
        problem = str(exc)
    taken_at = datetime.fromtimestamp(status.st_mtime, UTC)
    return Snapshot(str(file), taken_at, status.st_size, jobs, schema, problem)
