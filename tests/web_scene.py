"""A daemon with jobs of every kind, for tests and pictures of the web page."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from git_projects import Repository
from support import ROOT, Connection, PrivateDaemon, dispatch, ended, eventually, private_daemon, status

DATA = ROOT / "tests" / "data"

CLAUDE = """#!{python}
import json, runpy, sys
if "--permission-prompt-tool=stdio" in sys.argv:
    loads = json.loads
    json.loads = lambda text: loads(text.partition("\\n")[2] if text.startswith("# ") else text)
    runpy.run_path({asking!r}, run_name="__main__")
for line in open({recording!r}, "rb"):
    sys.stdout.buffer.write(line)
"""
"""Stands in for Claude Code: asks if it may, and otherwise prints what a real run has printed."""

BASH = ["Bash", {"command": "rm -rf build && make test"}]
COLOURS = {
    "question": "Which colour should the button have?",
    "options": [{"label": "Green", "description": "as the logo"}, {"label": "Blue", "description": "as the links"}],
    "multiSelect": False,
}

CODEX = """#!{python}
import sys
if "--version" in sys.argv:
    print("codex-cli 0.169.0")
    sys.exit()
sys.stdout.buffer.write(open({limited!r}, "rb").read())
sys.exit(1)
"""
"""Stands in for Codex, whose account has met its usage limit."""

CONFIG = """[daemon]
max_running = 6
max_cost_usd_per_day = 10.0
[projects.website]
path = "{root}/website"
agent = "shell"
max_cost_usd_per_day = 2.0
"""
LOOP = """# build the site
n=0; while [ ! -e {gate} ]; do n=$((n+1)); echo compiling part $n; sleep 0.5; done"""
WORK = """# add up the items of the cart
printf 'def total(items):\\n    return sum(items)\\n' > cart.py; echo more >> README; echo changed the cart"""


class Scene:
    """The daemon and the jobs by what they show."""

    def __init__(self, daemon: PrivateDaemon) -> None:
        self.daemon = daemon
        self.project = Repository(daemon.project, daemon.root / "home")
        self.jobs: dict[str, str] = {}
        self.gate = daemon.root / "gate"

    def ask(self, wire: Connection, *steps: object, title: str = "a question") -> str:
        """A job whose agent asks; the title is the first line of its task, which is a comment."""
        job = dispatch(wire, f"# {title}\n{json.dumps(steps)}", agent="claude", ask=True)
        eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] == "waiting", "a question")
        return job

    def changed(self, wire: Connection, task: str = WORK) -> str:
        """A job that has completed with changes in its worktree."""
        job = dispatch(wire, task, worktree=True)
        ended(wire, job)
        return job

    def populate(self) -> None:
        """Dispatch jobs of every kind."""
        with self.daemon.connect() as wire:
            jobs = self.jobs
            jobs["permission"] = self.ask(wire, BASH, title="tidy up the build directory")
            jobs["question"] = self.ask(
                wire, ["AskUserQuestion", {"questions": [COLOURS]}], title="redesign the login button"
            )
            jobs["changed"] = self.changed(wire)
            jobs["failed"] = dispatch(
                wire, "# run the tests of the shop\necho 3 tests failed >&2; exit 1", project="website"
            )
            for text in ("fix the login button", "describe the new prices", "write tests for the parser"):
                jobs["done"] = dispatch(wire, text, agent="claude")
            loop = LOOP.format(gate=self.gate)
            jobs["running"] = dispatch(wire, loop, project="website", tags={"ticket": "412"})
            ended(wire, jobs["failed"], jobs["done"])
            eventually(lambda: wire.ok(op="status", job=jobs["running"])["job"]["state"] == "running", "its start")
            wire.ok(op="progress", job=jobs["running"], done=5, total=8, label="parts compiled")
            jobs["limited"] = dispatch(wire, "translate the manual", agent="codex", project="website")
            dispatch(wire, "update the change log", agent="codex", project="website")
            eventually(lambda: "usage limit" in (status(wire, jobs["limited"])["reason"] or ""), "the usage limit")
            jobs["held"] = dispatch(wire, "publish the release", hold=True)
            nodes = [
                {"name": "build", "project": "website", "task": loop},
                {"name": "test", "project": "website", "task": "make test", "after": ["build"]},
                {"name": "docs", "project": "website", "task": "make docs", "after": ["build"]},
                {"name": "release", "project": "website", "task": "make release", "after": ["test", "docs"]},
            ]
            jobs["graph"] = wire.ok(op="graph", jobs=nodes)["jobs"]["test"]
            job = {"op": "dispatch", "project": "website", "task": "look for broken links"}
            wire.ok(op="schedule_add", name="nightly", cron="0 3 * * 1-5", timezone="UTC", job=job)


@contextmanager
def scene() -> Iterator[Scene]:
    """A running daemon with jobs of every kind."""
    with private_daemon(CONFIG) as daemon:
        (daemon.root / "website").mkdir()
        made = Scene(daemon)
        made.project.init()
        programs = daemon.root / "bin"
        programs.mkdir()
        values: dict[str, Any] = {
            "python": sys.executable,
            "asking": str(DATA / "programs" / "asking_claude.py"),
            "recording": str(DATA / "recordings" / "claude" / "success.stdout"),
            "limited": str(DATA / "recordings" / "codex" / "error-usage-limit.stdout"),
        }
        _write_program(programs / "claude", CLAUDE.format(**values))
        _write_program(programs / "codex", CODEX.format(**values))
        daemon.kill()
        daemon.env |= {"PATH": f"{programs}:{daemon.env['PATH']}", "HOME": str(made.project.home)}
        daemon.start()
        made.populate()
        yield made


def _write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
