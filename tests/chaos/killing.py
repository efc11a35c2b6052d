"""Who kills what in a chaos run, and who breaks the storage."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

from chaos import faults, processes, shim_faults
from chaos.clients import Run
from support import DEADLINE_S

POINTS = [(point, when) for point in faults.POINTS for when in ("before", "after")]
ERRORS = ("ENOSPC", "EIO", "EROFS")


class Killer:
    """Keeps the daemon of a run alive and everything in danger."""

    def __init__(self, run: Run, plan: Path, *, with_faults: bool) -> None:
        self._run = run
        self._plan = plan
        self._program = [faults.__file__] if with_faults else ["-m", "luziad"]
        self._chance: random.Random = run.chance("killer")
        self.kills = 0
        self.slowest_refusal_s = 0.0
        self._deeds: list[tuple[int, Callable[[], None]]] = [
            (6, self._kill_daemon),
            (2, self._stop_daemon),
            (4, self._kill_fork_server),
            (4, self._kill_shim),
            (3, self._kill_spare),
        ]
        if with_faults:
            self._deeds += [(6, self._kill_at_a_point), (3, self._break_storage)]
            self._deeds += [(6, self._kill_shims_at_a_point), (2, self._break_shims)]

    def do_something(self) -> None:
        """One deed, and then the daemon runs again."""
        weights, deeds = zip(*self._deeds, strict=True)
        self._chance.choices(deeds, weights)[0]()
        self.keep_alive()
        processes.reap(self.pid)

    @property
    def pid(self) -> int:
        """The daemon's process."""
        process = self._run.daemon.process
        assert process is not None
        return process.pid

    def keep_alive(self) -> None:
        """Start the daemon when it is dead."""
        process = self._run.daemon.process
        assert process is not None
        code = process.poll()
        if code is None:
            return
        if code not in (0, -9):
            self._run.mistake(f"the daemon ended by itself with {code}")
        self._write_plan(None)
        self._run.daemon.start(self._program)

    def start(self) -> None:
        """Start the daemon for the first time."""
        self._run.daemon.start(self._program)

    def _kill_daemon(self) -> None:
        self._run.daemon.kill()
        self._killed("luziad")
        time.sleep(self._chance.choice((0.0, 0.0, 0.2, 0.6)))

    def _stop_daemon(self) -> None:
        self._run.daemon.stop()
        self._run.count("graceful restarts")

    def _kill_fork_server(self) -> None:
        for server in processes.named("luzia-forks"):
            self._run.killed_shims.add(server.pid)  # it may be a shim that does not have its name yet
            if processes.kill(server):
                self._killed("fork server")

    def _kill_shim(self) -> None:
        shims = [each for each in processes.named("luzia-shim") if processes.has_attempt(each)]
        for shim in self._chance.sample(shims, min(len(shims), self._chance.choice((1, 1, 1, 4)))):
            self._run.killed_shims.add(shim.pid)
            if processes.kill(shim):
                self._killed("shim")

    def _kill_spare(self) -> None:
        for shim in processes.named("luzia-shim"):
            if not processes.has_attempt(shim):
                self._run.killed_shims.add(shim.pid)  # it may just have got an attempt
                if processes.kill(shim):
                    self._killed("spare shim")

    def _kill_at_a_point(self) -> None:
        """Let the daemon die exactly before or after a call of a kind; it may take a while to come there."""
        point, when = self._chance.choice(POINTS)
        self._write_plan({"kill": point, "when": when, "count": self._chance.choice((1, 1, 2, 5))})
        process = self._run.daemon.process
        assert process is not None
        deadline = time.monotonic() + 1.5
        if point == "spawn":
            self._kill_fork_server()
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        self._write_plan(None)
        if process.poll() is not None:
            self._killed(f"luziad {when} {point}")

    def _kill_shims_at_a_point(self) -> None:
        """Let shims die exactly before or after a call of a kind, for a while."""
        point, when = self._chance.choice(shim_faults.POINTS), self._chance.choice(("before", "after"))
        before = len(self._run.hurt_shims("killed"))
        self._spoil_shims({"kill": point, "when": when})
        killed = len(self._run.hurt_shims("killed")) - before
        self.kills += killed
        self._run.count(f"kills: shim {when} {point}", killed)

    def _break_shims(self) -> None:
        """Let what shims write fail for a while."""
        point = self._chance.choice(shim_faults.POINTS)
        self._spoil_shims({"fail": {point: self._chance.choice(ERRORS)}})
        self._run.count("storage faults in shims")

    def _spoil_shims(self, plan: dict[str, object]) -> None:
        file = self._plan.with_name(f"{self._plan.name}.shims")
        _write(file, plan | {"share": self._chance.choice((0.2, 0.5, 1.0))})
        time.sleep(self._chance.choice((0.1, 0.3)))
        if self._chance.random() < 0.2:
            self._kill_daemon()
        file.unlink()

    def _break_storage(self) -> None:
        """The store cannot be written for a while: new jobs are refused at once, and all is well afterwards."""
        code = self._chance.choice(ERRORS)
        points = {"write"} | {point for point in ("fsync", "rename", "mkdir", "look") if self._chance.random() < 0.4}
        self._write_plan({"fail": dict.fromkeys(points, code)})
        self._run.count("storage faults")
        for _ in range(self._chance.choice((1, 5, 20))):
            before = time.monotonic()
            with self._run.daemon.connect() as wire:
                answer = wire.ask(op="dispatch", project="overbits", task="exit 0")
            self.slowest_refusal_s = max(self.slowest_refusal_s, time.monotonic() - before)
            if answer.get("error", {}).get("code") != "storage_unavailable":
                self._run.mistake(f"a dispatch without storage was answered {answer}")
            time.sleep(self._chance.choice((0.0, 0.02, 0.1)))
        if self._chance.random() < 0.25:
            self._kill_daemon()
            return
        self._write_plan(None)
        deadline = time.monotonic() + DEADLINE_S
        while True:
            with self._run.daemon.connect() as wire:
                if wire.ok(op="info")["storage"] == "ok":
                    return
            if time.monotonic() > deadline:
                self._run.mistake("the storage is well again, and the daemon has not noticed")
                return
            time.sleep(0.02)

    def _killed(self, what: str) -> None:
        self.kills += 1
        self._run.count(f"kills: {what}")

    def _write_plan(self, plan: dict[str, object] | None) -> None:
        if plan is None:
            self._plan.unlink(missing_ok=True)
            return
        _write(self._plan, plan)


def _write(file: Path, plan: dict[str, object]) -> None:
    unfinished = file.with_suffix(".new")
    unfinished.write_text(json.dumps(plan))
    os.rename(unfinished, file)
