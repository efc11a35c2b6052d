"""What jobs put into repositories and beside worktrees holds up no other job, and neither ends nor fills the daemon."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_projects import Repository
from support import OneRequestEach, PrivateDaemon, eventually

CONFIG = """
[projects.overbits.worktree]
copy = [".env"]
[daemon]
max_running = 2
"""
MEBIBYTE = 1024 * 1024
DEEP = "import os\nfor _ in range(1500):\n    os.mkdir('d')\n    os.chdir('d')\n"


class Workshop(OneRequestEach):
    """A daemon with the project overbits, which is a repository."""

    def __init__(self, root: Path) -> None:
        self.project = Repository(root / "overbits", root / "home")
        super().__init__(PrivateDaemon(root, CONFIG, {"HOME": str(root / "home")}))
        self.project.init()

    def start(self, task: str, **more: object) -> str:
        job: str = self.ok(op="dispatch", project="overbits", task=task, **more)["job"]
        return job

    def peak_bytes(self) -> int:
        """The most memory that the daemon has had."""
        assert self.daemon.process is not None
        lines = Path(f"/proc/{self.daemon.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    root = Path(tempfile.mkdtemp(prefix="lz-"))
    made = Workshop(root)
    try:
        made.daemon.start()
        yield made
    finally:
        made.daemon.end_everything()
        subprocess.run(["rm", "-rf", str(root)], check=True)  # of any depth


def test_jobs_whose_worktrees_another_process_keeps_locked_can_be_cancelled_and_the_daemon_ends(
    workshop: Workshop,
) -> None:
    first = workshop.ended(workshop.start("true"))
    trees = os.path.dirname(first["worktree"]["path"])
    jobs = [workshop.start("true", hold=True) for _ in range(3)]
    locks = [os.open(f"{trees}/.{job}.lock", os.O_RDWR | os.O_CREAT) for job in jobs]
    for lock in locks:
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        for job in jobs:
            workshop.ok(op="release", job=job)
        eventually(lambda: [workshop.job(job)["state"] for job in jobs].count("starting") == 2, "two starts")
        workshop.ok(op="cancel", job=jobs[0])
        assert workshop.ended(jobs[0])["state"] == "cancelled"
        workshop.daemon.stop()
    finally:
        for lock in locks:
            os.close(lock)


def test_a_worktree_with_directories_of_any_depth_has_an_answer_to_everything(workshop: Workshop) -> None:
    job = workshop.start(f'python3 -c "{DEEP}"')
    assert workshop.ended(job)["state"] == "completed"
    for op in ("clean", "discard"):
        with workshop.daemon.connect() as wire:
            answer = wire.ask(op=op, job=job)
        assert answer.get("error", {}).get("code") != "internal", answer


def test_a_project_with_directories_of_any_depth_ends_no_job_without_a_reason(workshop: Workshop) -> None:
    subprocess.run(
        ["python3", "-c", f"import os\nos.mkdir('.env')\nos.chdir('.env')\n{DEEP}"], cwd=workshop.project.root
    )
    ended = workshop.ended(workshop.start("true"))
    assert (ended["outcome"], ended["reason"][:12]) == ("start_failed", "no worktree:")


def test_a_name_that_no_path_can_have_among_the_worktrees_of_git_disturbs_no_job(workshop: Workshop) -> None:
    entry = workshop.project.root / ".git" / "worktrees" / "planted"
    entry.mkdir(parents=True)
    (entry / "gitdir").write_bytes(b"/tmp/a\0b/.git\n")
    (entry / "HEAD").write_bytes(b"ref: refs/heads/main\n")
    (entry / "commondir").write_bytes(b"../..\n")
    assert workshop.ended(workshop.start("true"))["state"] == "completed"


def test_the_daemon_does_not_read_an_exclude_file_of_any_size(workshop: Workshop) -> None:
    (workshop.project.root / ".env").write_text("A=1\n")
    before = workshop.peak_bytes()
    os.truncate(workshop.project.root / ".git" / "info" / "exclude", 400 * MEBIBYTE)
    workshop.ended(workshop.start("true"))
    assert workshop.peak_bytes() < before + 100 * MEBIBYTE


def test_the_names_of_the_changed_files_do_not_fill_the_memory(workshop: Workshop) -> None:
    """A tree of a few objects has 300,000 files."""
    make = (
        "t=$(git hash-object -w -t blob README); t=$(printf '100644 blob %s\\tf\\n' $t | git mktree);"
        "for level in 1 2 3; do"
        "  t=$(for i in $(seq 66); do printf '040000 tree %s\\t%s\\n' $t $i; done | git mktree);"
        "done; git read-tree $t;"
        "git ls-files -z | git update-index -z --skip-worktree --stdin; touch ready; sleep 600"
    )
    before = workshop.peak_bytes()
    jobs = [workshop.start(make), workshop.start(make)]
    trees = workshop.daemon.state / "trees"
    eventually(lambda: all((trees / job / "ready").exists() for job in jobs), "the trees")
    log = workshop.daemon.log
    eventually(lambda: log.read_text().count("worktree_not_compared") >= 2 or "collision" in log.read_text(), "a look")
    assert workshop.peak_bytes() < before + 40 * MEBIBYTE
    for job in jobs:
        workshop.ok(op="cancel", job=job)
