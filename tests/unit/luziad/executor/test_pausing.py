"""Pausing attempts, by cgroup and by stopping the whole tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from luziad.jobs.attempt import AttemptRef
from unit.luziad.executor.helpers import GRACE_S, Machine, eventually, state

pytestmark = pytest.mark.usefixtures("way")

REF = AttemptRef("113754-a2f5", 1)

FORKING = """
import os, time
ticks = os.open(os.environ["READY"] + "/ticks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while not os.path.exists(os.environ["READY"] + "/go"):
    os.write(ticks, b"x")
    if not os.fork():
        if not os.fork(): os.setsid()
        os.write(ticks, b"x")
        time.sleep(0.05)
        os.write(ticks, b"x")
        os._exit(0)
    os.waitpid(-1, 0)
"""
"""Its processes do not live long, start others all the time, and leave its session."""

TIDY = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(3))
open(os.environ["READY"] + "/1", "w").close()
while True: time.sleep(0.05)
"""


def size(machine: Machine) -> int:
    """How much the agent has done."""
    ticks = machine.ready / "ticks"
    return ticks.stat().st_size if ticks.exists() else 0


async def paused(machine: Machine) -> int:
    """Wait until nothing of the agent runs; returns how much it has done."""
    group = machine.lock(REF)["cgroup"]
    if group is not None:
        await eventually(lambda: "frozen 1" in Path(group, "cgroup.events").read_text())
    else:
        await eventually(lambda: _are_stopped(machine) and _are_stopped(machine))
    return size(machine)


def _are_stopped(machine: Machine) -> bool:
    processes = machine.processes()
    return bool(processes) and all(state(pid) == "T" for pid in processes)


async def test_nothing_of_a_paused_attempt_runs_until_it_is_resumed(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.python(REF, FORKING))
    await eventually(lambda: size(machine) > 10)
    for _ in range(3):
        executor.pause(REF)
        executor.pause(REF)
        done = await paused(machine)
        # Whoever reads all of /proc gives what should stand still the time to move.
        assert machine.processes()
        assert size(machine) == done
        executor.resume(REF)
        executor.resume(REF)
        await eventually(lambda done=done: size(machine) > done)  # type: ignore[misc]
    (machine.ready / "go").touch()
    end = await recorder.exit_of(REF)
    assert (end.exit_code, end.stopped) == (0, False)


async def test_a_paused_agent_that_is_cancelled_gets_its_chance_to_tidy_up(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.python(REF, TIDY))
    await eventually((machine.ready / "1").exists)
    executor.pause(REF)
    await paused(machine)
    executor.cancel(REF)
    end = await recorder.exit_of(REF)
    assert (end.exit_code, end.stopped) == (3, True)
    assert machine.processes() == []


async def test_another_executor_can_pause_and_resume_it(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.python(REF, FORKING))
    await recorder.start_of(REF)
    executor.pause(REF)
    await paused(machine)
    await executor.stop()
    executor, recorder = await machine.executor()
    executor.attach(REF, GRACE_S)
    executor.resume(REF)
    (machine.ready / "go").touch()
    assert (await recorder.exit_of(REF)).exit_code == 0


async def test_a_pause_that_comes_at_once_after_attaching_is_not_lost(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.python(REF, FORKING))
    await recorder.start_of(REF)
    await executor.stop()
    executor, recorder = await machine.executor()
    executor.attach(REF, GRACE_S)
    executor.pause(REF)
    await paused(machine)
    executor.cancel(REF)
    assert (await recorder.exit_of(REF)).stopped


async def test_pausing_strangers_is_harmless(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.pause(REF)
    executor.resume(REF)
    assert recorder.facts == []
