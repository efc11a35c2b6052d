"""Ending attempts: the whole tree goes, whatever it does, and the record says who ended it."""

from __future__ import annotations

import os
import signal

from luziad.jobs.attempt import AttemptRef
from unit.luziad.executor.helpers import GRACE_S, START_HIDERS, Machine, eventually, state

REF = AttemptRef("113754-a2f5", 1)


def ready(machine: Machine, count: int) -> list[int]:
    """The processes that have reported themselves, once they are that many."""
    pids = [int(name) for name in os.listdir(machine.ready)]
    return pids if len(pids) >= count else []


async def test_a_cancelled_agent_gets_a_chance_to_tidy_up(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    script = "trap 'echo tidy; exit 3' TERM; echo > $READY/1; while :; do sleep 0.05; done"
    executor.submit(machine.launch(REF, "sh", "-c", script))
    await eventually(lambda: ready(machine, 1))
    executor.cancel(REF)
    end = await recorder.exit_of(REF)
    assert (end.exit_code, end.signal, end.stopped) == (3, None, True)
    assert (machine.attempt(REF) / "stdout").read_text() == "tidy\n"


async def test_an_agent_that_ignores_term_is_killed_after_the_grace(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.launch(REF, "sh", "-c", "trap '' TERM; echo > $READY/1; sleep 600", grace_s=0.1))
    await eventually(lambda: ready(machine, 1))
    executor.cancel(REF)
    end = await recorder.exit_of(REF)
    assert (end.exit_code, end.signal, end.stopped) == (None, "SIGKILL", True)
    assert machine.processes() == []


async def test_a_stopped_agent_hears_term_too(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    script = "trap 'exit 4' TERM; echo > $READY/1; kill -STOP $$; sleep 600"
    executor.submit(machine.launch(REF, "sh", "-c", script))
    pid = await recorder.start_of(REF)
    await eventually(lambda: state(pid) == "T")
    executor.cancel(REF)
    assert (await recorder.exit_of(REF)).exit_code == 4


async def test_cancelling_leaves_nothing_of_a_tree_that_hides(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.python(REF, START_HIDERS + "time.sleep(600)", grace_s=0.2))
    hidden = await eventually(lambda: ready(machine, 3))
    executor.cancel(REF)
    end = await recorder.exit_of(REF)
    assert end.stopped
    assert [state(pid) for pid in hidden] == ["", "", ""]
    assert machine.processes() == []


async def test_what_an_agent_leaves_behind_is_ended_after_it(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.python(REF, START_HIDERS + "os._exit(5)", grace_s=0.2))
    end = await recorder.exit_of(REF)
    assert (end.exit_code, end.signal, end.stopped) == (5, None, False)
    assert [state(pid) for pid in ready(machine, 3)] == ["", "", ""]
    assert machine.processes() == []


async def test_the_exit_is_on_record_while_leftovers_are_still_being_ended(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.python(REF, START_HIDERS))
    await eventually((machine.attempt(REF) / "exit.json").exists)
    assert recorder.of(REF, "ended") == []
    assert (await recorder.exit_of(REF)).exit_code == 0


async def test_a_tree_that_forks_while_it_is_killed_is_killed_all_the_same(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    # A chain: every process starts the next one in a new session and ends, so that none lives for long.
    script = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "if os.fork(): time.sleep(600)\n"
        "open(os.environ['READY'] + '/1', 'w').close()\n"
        "while True:\n"
        "    if os.fork(): os._exit(0)\n"
        "    os.setsid()\n"
        "    time.sleep(0.001)"
    )
    executor.submit(machine.python(REF, script, grace_s=0.1))
    await eventually(lambda: ready(machine, 1))
    executor.cancel(REF)
    assert (await recorder.exit_of(REF)).signal == "SIGKILL"
    assert machine.processes() == []


async def test_ending_at_once_after_submitting_ends_it(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    refs = [AttemptRef(f"hasty-{number}", 1) for number in range(10)]
    for ref in refs:
        executor.submit(machine.launch(ref, "sleep", "600"))
        executor.cancel(ref)
    for ref in refs:
        end = await recorder.exit_of(ref)
        assert end.stopped
        assert end.error == "cancelled before it started" or end.signal == "SIGTERM"
    assert machine.processes() == []


async def test_ending_twice_and_ending_strangers_is_harmless(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.cancel(REF)
    executor.submit(machine.launch(REF, "sleep", "600"))
    await recorder.start_of(REF)
    executor.cancel(REF)
    executor.cancel(REF)
    assert (await recorder.exit_of(REF)).signal == "SIGTERM"
    executor.cancel(REF)
    assert [kind for kind, _, _ in recorder.facts] == ["started", "ended"]


async def test_only_term_ends_a_shim_politely(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(
        machine.launch(REF, "sh", "-c", "echo > $READY/1; until [ -e $READY/2 ]; do sleep 0.05; done; exit 6")
    )
    await eventually(lambda: ready(machine, 1))
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGQUIT, signal.SIGUSR1):
        os.kill(machine.shim(REF), number)
    (machine.ready / "2").touch()
    end = await recorder.exit_of(REF)
    assert (end.exit_code, end.stopped) == (6, False)


async def test_the_tree_is_ended_without_an_executor(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.launch(REF, "sh", "-c", "trap '' TERM; echo > $READY/1; sleep 600", grace_s=0.2))
    await eventually(lambda: ready(machine, 1))
    executor.cancel(REF)
    await executor.stop()
    await eventually(lambda: machine.processes() == [])
    executor, recorder = await machine.executor()
    executor.attach(REF, GRACE_S)
    end = await recorder.exit_of(REF)
    assert (end.signal, end.stopped) == ("SIGKILL", True)
