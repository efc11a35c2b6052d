"""A kill during a repair or a restore loses nothing: the next start continues it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = """
import os, shutil, signal, sqlite3, sys
from pathlib import Path
from luziad.journal.loading import load
from luziad.store import recovery, snapshots
from luziad.store.batch import Batch
from luziad.store.sqlite import Store

SPEC = b'{"project":"p","directory":"/","agent":"shell","created_at":0.0,"task":"x"}'
plain_fsync, plain_rename = os.fsync, Path.rename
left = 10**12  # steps until the end; only a child's are few

def tick():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def rename(self, target):
    tick()
    return plain_rename(self, target)

Path.rename = rename
os.fsync = lambda fd: (tick(), plain_fsync(fd))

def batch(n):
    changes = Batch()
    changes.jobs[n] = (f"00000{n}-aaaa", SPEC)
    changes.fates[n] = b'{"seq":%d}' % n
    changes.events.append((n, b"{}"))
    return changes

how, root = sys.argv[1], Path(sys.argv[2])
source, place = root / "source", root / "place"
(source / "jobs").mkdir(parents=True)
store = Store(source)
store.write(batch(1))
snapshot = snapshots.take(source)
store.write(batch(2))
store.write(batch(3))
lived_in = root / "lived-in"
shutil.copytree(source, lived_in)  # with a log beside it, as after a crash
store.close()
if how == "damage":
    database = sqlite3.connect(lived_in / "jobs.db")
    database.execute("UPDATE jobs SET fate = '{}' WHERE n = 1")
    database.commit()
    database.close()

def repair():
    if how == "restore":
        return recovery.restore(place, place / "jobs", place / "snapshots" / snapshot.name, load)
    opened = recovery.open_store(place, place / "jobs", load)
    opened.store.close()
    return opened.notices

killed = 1
while True:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(lived_in, place)
    child = os.fork()
    if not child:
        left = killed
        repair()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    begun = how == "damage" or (place / "mending.json").exists()
    opened = recovery.open_store(place, place / "jobs", load)
    assert bool(opened.notices) == bool(opened.least_seq) == begun, (killed, opened.notices)
    jobs = sorted(record.n for record in opened.loaded[0].newest_first())
    assert jobs == [1, 2, 3], (killed, jobs, opened.notices)
    opened.store.close()
    if status == 0:
        break
    killed += 1
print(killed)
"""


@pytest.mark.parametrize("how", ["restore", "damage"])
def test_a_kill_at_any_step_loses_no_job_that_can_be_read(tmp_path: Path, how: str) -> None:
    done = subprocess.run([sys.executable, "-c", DRIVER, how, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 5
