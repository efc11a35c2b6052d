"""Nothing of a process tree is left, by cgroup and by walking through the tree, whatever its processes do."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from luziad.jobs.attempt import AttemptRef, LostAttempt
from luziad.supervise import cgroup
from unit.luziad.executor.helpers import GRACE_S, START_HIDERS, Machine, eventually, state

REF = AttemptRef("113754-a2f5", 1)
BASE = cgroup.find_base()

FORK_BOMB = """
import os, signal, time
for number in (signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
count = os.open(os.environ["READY"] + "/count", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while os.fstat(count).st_size < 150:
    if not os.fork():
        os.write(count, b"x")
        if os.fork(): os._exit(0)
        os.setsid()
    time.sleep(0.02)
time.sleep(600)
"""
"""Every process starts orphans in sessions of their own, which do the same, up to 150 of them."""

GHOST = """
import os, subprocess, sys, time
nameless = "import os, sys, time; os.fork() and os._exit(0); os.setsid(); "
tell = "print(os.getpid(), file=open(sys.argv[1], 'w')); time.sleep(600)"
subprocess.run([sys.executable, "-c", nameless + tell, os.environ["READY"] + "/ghost"], env={})
time.sleep(600)
"""
"""Leaves its parent, its session and its environment, so that only a cgroup tells where it came from."""


pytestmark = pytest.mark.usefixtures("way")


def group_of(machine: Machine, ref: AttemptRef) -> Path | None:
    """The directory of the cgroup of the attempt's shim."""
    made = cgroup.name_of(machine.shim(ref), machine.lock(ref)["start_time"])
    return None if BASE is None else Path(BASE, made)


async def test_what_it_uses_is_on_record(machine: Machine, way: str) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.launch(REF, "sleep", "600"))
    agent = await recorder.start_of(REF)
    path = machine.lock(REF)["cgroup"]
    if way == "tree walk":
        assert path is None
    else:
        members = Path(path, "cgroup.procs")
        await eventually(lambda: members.read_text().split() == [str(agent)])
    executor.cancel(REF)
    await recorder.end_of(REF)
    if path is not None:
        await eventually(lambda: not Path(path).exists())


async def test_a_fork_bomb_is_ended_by_a_cancel(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.python(REF, FORK_BOMB, grace_s=0.1))
    count = machine.ready / "count"
    await eventually(lambda: count.exists() and count.stat().st_size >= 20)
    executor.cancel(REF)
    assert (await recorder.exit_of(REF)).signal == "SIGKILL"
    assert machine.processes() == []


async def test_daemons_that_are_left_behind_are_ended(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.python(REF, START_HIDERS + "os._exit(5)", grace_s=0.1))
    assert (await recorder.exit_of(REF)).exit_code == 5
    assert machine.processes() == []


async def test_kept_children_outlive_an_agent_that_ends_by_itself(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.python(REF, START_HIDERS + "os._exit(5)", keep_children=True))
    assert (await recorder.exit_of(REF)).exit_code == 5
    kept = [int(name) for name in os.listdir(machine.ready)]
    assert len(kept) == 3
    executor.attach(REF, GRACE_S)
    await eventually(lambda: len(recorder.of(REF, "ended")) == 2)
    assert all(state(pid) in ("S", "R") for pid in kept), "and looking again at the attempt does them no harm"


async def test_a_cancel_ends_children_that_would_be_kept(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.python(REF, START_HIDERS + "time.sleep(600)", keep_children=True, grace_s=0.1))
    await eventually(lambda: len(os.listdir(machine.ready)) == 3)
    executor.cancel(REF)
    assert (await recorder.exit_of(REF)).stopped
    assert machine.processes() == []


async def test_what_a_killed_shim_leaves_is_found_by_its_cgroup_alone(machine: Machine, way: str) -> None:
    if way == "tree walk":
        pytest.skip("without a cgroup nothing tells where such a process came from")
    executor, recorder = await machine.executor()
    executor.submit(machine.python(REF, GHOST))
    told = machine.ready / "ghost"
    await eventually(lambda: told.exists() and told.read_text().endswith("\n"))
    os.kill(machine.shim(REF), signal.SIGKILL)
    assert isinstance(await recorder.end_of(REF), LostAttempt)
    assert state(int(told.read_text())) in ("", "Z")
    group = group_of(machine, REF)
    assert group is not None
    await eventually(lambda: not group.exists())


async def test_no_cgroup_is_left_when_the_fork_server_died_first(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.launch(REF, "sleep", "600"))
    await recorder.start_of(REF)
    os.kill(await machine.fork_server(), signal.SIGKILL)
    await eventually(lambda: executor.fork_server_pid is None)
    executor.cancel(REF)
    assert (await recorder.exit_of(REF)).stopped
    group = group_of(machine, REF)
    assert group is None or not group.exists()
