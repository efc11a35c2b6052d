"""What holds when the fork server, a shim or the daemon dies: the directory is the truth, and nothing runs twice."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import resource
import signal
import time
from pathlib import Path

import pytest

from luziad.executor import attempt_directory
from luziad.jobs.attempt import AttemptRef, LostAttempt, NotStarted
from unit.luziad.executor.helpers import DEADLINE_S, GRACE_S, START_HIDERS, Machine, eventually, fork_servers, state

REF = AttemptRef("113754-a2f5", 1)
GATED = "echo > $READY/$$; until [ -e $READY/go ]; do sleep 0.02; done; echo end; exit 7"


async def until_ready(machine: Machine, count: int) -> None:
    await eventually(lambda: len(os.listdir(machine.ready)) >= count)


def leave_little_room(server: int) -> None:
    """Let a fork server, its shims and a spare shim, if it has one, write no file of more than 1000 bytes."""
    resource.prlimit(server, resource.RLIMIT_FSIZE, (1000, 1000))
    for spare in Path(f"/proc/{server}/task/{server}/children").read_text().split():
        resource.prlimit(int(spare), resource.RLIMIT_FSIZE, (1000, 1000))


class TestForkServer:
    async def test_its_death_disturbs_no_attempt(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        refs = [AttemptRef(f"job-{number}", 1) for number in range(5)]
        for ref in refs:
            executor.submit(machine.launch(ref, "sh", "-c", GATED))
        await until_ready(machine, 5)
        os.kill(await machine.fork_server(), signal.SIGKILL)
        (machine.ready / "go").touch()
        assert [(await recorder.exit_of(ref)).exit_code for ref in refs] == [7] * 5
        assert all((machine.attempt(ref) / "stdout").read_text() == "end\n" for ref in refs)

    async def test_the_next_attempt_after_its_death_runs(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        for attempt in range(1, 4):
            ref = AttemptRef(REF.job, attempt)
            executor.submit(machine.launch(ref, "sh", "-c", f"exit {attempt}"))
            assert (await recorder.exit_of(ref)).exit_code == attempt
            server = await machine.fork_server()
            os.kill(server, signal.SIGKILL)
            await eventually(lambda server=server: executor.fork_server_pid != server)  # type: ignore[misc]

    async def test_attempts_that_it_took_along_are_never_started_twice(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        refs = [AttemptRef(f"job-{number}", 1) for number in range(30)]
        for ref in refs:
            executor.submit(machine.launch(ref, "sh", "-c", f"echo x >> {machine.ready}/{ref.job}"))
        await until_ready(machine, 3)
        os.kill(await machine.fork_server(), signal.SIGKILL)
        for ref in refs:
            end = await recorder.end_of(ref)
            runs = machine.ready / ref.job
            if isinstance(end, NotStarted):
                assert not runs.exists()
            else:
                assert runs.read_text() == "x\n"
        assert all(len(recorder.of(ref, "ended")) == 1 for ref in refs)

    async def test_a_request_that_waits_for_a_fork_server_can_be_cancelled(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        server = await machine.fork_server()
        os.kill(server, signal.SIGKILL)
        await eventually(lambda: not state(server))
        executor.submit(machine.launch(REF, "true"))
        executor.cancel(REF)
        assert isinstance(await recorder.end_of(REF), NotStarted)

    async def test_it_ends_with_the_executor_and_leaves_attempts_alone(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        executor.submit(machine.launch(REF, "sleep", "600"))
        pid = await recorder.start_of(REF)
        server = await machine.fork_server()
        await executor.stop()
        assert state(server) == ""
        assert state(pid) not in ("", "Z")

    async def test_it_keeps_no_zombies(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        executor.submit(machine.launch(REF, "true"))
        await recorder.end_of(REF)
        server = await machine.fork_server()
        children = Path(f"/proc/{server}/task/{server}/children")
        ended = machine.shim(REF)
        await eventually(lambda: not state(ended))
        assert all(state(int(spare)) != "Z" for spare in children.read_text().split())

    async def test_a_signal_to_the_terminal_does_not_reach_it(self, machine: Machine) -> None:
        _, _ = await machine.executor()
        server = await machine.fork_server()
        assert os.getsid(server) == server


class TestShim:
    async def test_one_that_is_killed_leaves_a_lost_attempt_and_no_process(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        script = (
            "import os, subprocess, time\n"
            "subprocess.Popen(['sleep', '600'])\n"
            "subprocess.Popen(['setsid', 'sleep', '600'])\n"
            "open(os.environ['READY'] + '/1', 'x')\n"
            "time.sleep(600)"
        )
        executor.submit(machine.python(REF, script))
        await until_ready(machine, 1)
        os.kill(machine.shim(REF), signal.SIGKILL)
        assert isinstance(await recorder.end_of(REF), LostAttempt)
        await eventually(lambda: machine.processes() == [])

    async def test_one_that_is_killed_leaves_nothing_that_hides(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        executor.submit(machine.python(REF, START_HIDERS + "time.sleep(600)"))
        await until_ready(machine, 3)
        os.kill(machine.shim(REF), signal.SIGKILL)
        assert isinstance(await recorder.end_of(REF), LostAttempt)
        assert machine.processes() == []

    async def test_other_attempts_live_on_when_what_one_left_is_ended(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        others = [AttemptRef(REF.job, 2), AttemptRef(REF.job + "0", 1)]
        for ref in (REF, *others):
            executor.submit(machine.launch(ref, "sh", "-c", GATED))
        await until_ready(machine, 3)
        os.kill(machine.shim(REF), signal.SIGKILL)
        assert isinstance(await recorder.end_of(REF), LostAttempt)
        (machine.ready / "go").touch()
        assert [(await recorder.exit_of(ref)).exit_code for ref in others] == [7, 7]

    async def test_a_daemon_that_was_started_from_inside_a_job_lives_on(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LUZIA_ATTEMPT_DIR", str(machine.attempt(REF)))
        executor, recorder = await machine.executor()
        other = AttemptRef("113754-a2f6", 1)
        for ref in (REF, other):
            executor.submit(machine.launch(ref, "sh", "-c", GATED))
        await until_ready(machine, 2)
        server = executor.fork_server_pid
        os.kill(machine.shim(REF), signal.SIGKILL)
        assert isinstance(await recorder.end_of(REF), LostAttempt)
        assert server is not None
        assert server == executor.fork_server_pid
        assert b"LUZIA_ATTEMPT_DIR" not in Path(f"/proc/{server}/environ").read_bytes()
        (machine.ready / "go").touch()
        assert (await recorder.exit_of(other)).exit_code == 7

    async def test_one_that_is_killed_after_the_exit_record_leaves_nothing(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        executor.submit(machine.python(REF, START_HIDERS + "os._exit(5)"))
        await eventually((machine.attempt(REF) / "exit.json").exists)
        os.kill(machine.shim(REF), signal.SIGKILL)
        assert (await recorder.exit_of(REF)).exit_code == 5
        assert machine.processes() == []

    async def test_one_that_is_killed_in_the_middle_of_a_start_leaves_nothing(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        executor.submit(machine.launch(REF, "sleep", "600"))
        await recorder.start_of(REF)
        record = machine.attempt(REF) / "started.json"
        started = json.loads(record.read_text())
        del started["agent_pid"], started["agent_start_time"]
        record.write_text(json.dumps(started))  # as it was before the agent's process was known
        os.kill(machine.shim(REF), signal.SIGKILL)
        assert isinstance(await recorder.end_of(REF), LostAttempt)
        assert machine.processes() == []

    async def test_the_same_attempt_submitted_twice_runs_once(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        launch = machine.launch(REF, "sh", "-c", "echo run; exit 3")
        executor.submit(launch)
        executor.submit(launch)
        await recorder.exit_of(REF)
        other, other_recorder = await machine.executor()
        other.submit(launch)
        assert (await other_recorder.exit_of(REF)).exit_code == 3
        assert (machine.attempt(REF) / "stdout").read_text() == "run\n"
        assert len(recorder.of(REF, "ended")) == 1

    async def test_an_attempt_submitted_twice_while_it_runs_runs_once(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        other, other_recorder = await machine.executor()
        for each in (executor, other):
            each.submit(machine.launch(REF, "sh", "-c", GATED))
        await until_ready(machine, 1)
        (machine.ready / "go").touch()
        assert (await recorder.exit_of(REF)).exit_code == 7
        assert (await other_recorder.exit_of(REF)).exit_code == 7
        assert (machine.attempt(REF) / "stdout").read_text() == "end\n"

    async def test_without_room_for_the_exit_record_the_agent_is_not_started(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        server = await machine.fork_server()
        leave_little_room(server)
        executor.submit(machine.launch(REF, "touch", str(machine.ready / "ran")))
        end = await recorder.end_of(REF)
        assert end == NotStarted("cannot start: File too large")
        assert not (machine.ready / "ran").exists()

    async def test_the_last_words_of_one_that_is_gone_already_are_heard(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        server = await machine.fork_server()
        leave_little_room(server)

        def is_gone() -> bool:
            lock = machine.attempt(REF) / "lock"
            return lock.exists() and b"}" in lock.read_bytes() and not state(machine.shim(REF))

        executor.submit(machine.launch(REF, "true"))
        for _ in range(3):
            await asyncio.sleep(0)  # the request goes out
        waited_until = time.monotonic() + DEADLINE_S
        while not is_gone() and time.monotonic() < waited_until:
            time.sleep(0.01)  # noqa: ASYNC251 (the loop hears of its start and of its end at once)
        assert await recorder.end_of(REF) == NotStarted("cannot start: File too large")

    async def test_an_attempt_is_not_given_up_before_it_can_be_fenced(
        self, machine: Machine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(directory: str) -> bool:
            raise OSError(errno.EIO, "the disk fails")

        executor, recorder = await machine.executor()
        machine.jobs.joinpath(REF.job).write_text("a file is in the way")
        with monkeypatch.context() as broken:
            broken.setattr(attempt_directory, "_create", fail)
            executor.submit(machine.launch(REF, "true"))
            await eventually(lambda: "attempt_not_read" in caplog.text)
            assert recorder.facts == []
            machine.jobs.joinpath(REF.job).unlink()
        end = await recorder.end_of(REF)
        assert isinstance(end, NotStarted)
        assert "Not a directory" in end.reason


class TestAttach:
    async def test_a_running_attempt_is_adopted(self, machine: Machine) -> None:
        first, _ = await machine.executor()
        first.submit(machine.launch(REF, "sh", "-c", GATED))
        await until_ready(machine, 1)
        await first.stop()
        second, recorder = await machine.executor()
        second.attach(REF, GRACE_S)
        pid = await recorder.start_of(REF)
        (machine.ready / "go").touch()
        end = await recorder.exit_of(REF)
        assert end.exit_code == 7
        assert (machine.attempt(REF) / "stdout").read_text() == "end\n"
        assert recorder.facts == [("started", REF, pid), ("ended", REF, end)]

    async def test_an_adopted_attempt_can_be_ended(self, machine: Machine) -> None:
        first, first_recorder = await machine.executor()
        first.submit(machine.launch(REF, "sleep", "600"))
        await first_recorder.start_of(REF)
        await first.stop()
        second, recorder = await machine.executor()
        second.attach(REF, GRACE_S)
        second.cancel(REF)
        end = await recorder.exit_of(REF)
        assert (end.signal, end.stopped) == ("SIGTERM", True)

    async def test_an_attempt_that_ended_meanwhile_has_its_exit(self, machine: Machine) -> None:
        first, _ = await machine.executor()
        first.submit(machine.launch(REF, "sh", "-c", GATED))
        await until_ready(machine, 1)
        await first.stop()
        (machine.ready / "go").touch()
        await eventually((machine.attempt(REF) / "exit.json").exists)
        second, recorder = await machine.executor()
        second.attach(REF, GRACE_S)
        assert (await recorder.exit_of(REF)).exit_code == 7
        assert [kind for kind, _, _ in recorder.facts] == ["started", "ended"]

    async def test_one_without_a_directory_is_fenced(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        executor.attach(REF, GRACE_S)
        assert isinstance(await recorder.end_of(REF), NotStarted)
        assert (machine.attempt(REF) / "fenced").exists()

    async def test_a_fenced_attempt_cannot_start_any_more(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        executor.attach(REF, GRACE_S)
        await recorder.end_of(REF)
        late, late_recorder = await machine.executor()
        late.submit(machine.launch(REF, "touch", str(machine.ready / "ran")))
        assert isinstance(await late_recorder.end_of(REF), NotStarted)
        assert not (machine.ready / "ran").exists()

    async def test_one_with_a_directory_and_nothing_in_it_is_fenced(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        machine.attempt(REF).mkdir(parents=True)
        executor.attach(REF, GRACE_S)
        assert isinstance(await recorder.end_of(REF), NotStarted)
        assert (machine.attempt(REF) / "fenced").exists()

    async def test_one_that_started_and_has_no_exit_is_lost(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        write_started(machine, Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        executor.attach(REF, GRACE_S)
        end = await recorder.end_of(REF)
        assert isinstance(end, LostAttempt)
        assert "shim" in end.reason
        assert [kind for kind, _, _ in recorder.facts] == ["started", "ended"]

    async def test_one_from_before_a_reboot_is_lost_with_the_reason(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        write_started(machine, "00000000-0000-0000-0000-000000000000")
        executor.attach(REF, GRACE_S)
        end = await recorder.end_of(REF)
        assert end == LostAttempt("the machine was restarted while it ran")

    async def test_one_whose_end_was_being_synced_before_a_reboot_is_lost_with_the_reason(
        self, machine: Machine
    ) -> None:
        executor, recorder = await machine.executor()
        write_started(machine, "00000000-0000-0000-0000-000000000000")
        (machine.attempt(REF) / "exit.json").write_bytes(b"\0" * 300)  # renamed, and its content has not come
        executor.attach(REF, GRACE_S)
        assert await recorder.end_of(REF) == LostAttempt("the machine was restarted while it ran")

    @pytest.mark.parametrize("content", ["", "half a rec", "{}", '{"exit_code": "many"}'])
    async def test_a_damaged_exit_record_is_lost(self, machine: Machine, content: str) -> None:
        executor, recorder = await machine.executor()
        write_started(machine, "00000000-0000-0000-0000-000000000000")
        (machine.attempt(REF) / "exit.json").write_text(content)
        executor.attach(REF, GRACE_S)
        assert isinstance(await recorder.end_of(REF), LostAttempt)

    async def test_a_lock_that_is_held_is_waited_for(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        machine.attempt(REF).mkdir(parents=True)
        with open(machine.attempt(REF) / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            executor.attach(REF, GRACE_S)
            # Without a word from the executor there is nothing to wait for but the loop's turns.
            for _ in range(20):
                await asyncio.sleep(0.01)
            assert recorder.facts == []
        assert isinstance(await recorder.end_of(REF), NotStarted)

    async def test_a_start_that_comes_after_the_adoption_is_told(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        machine.attempt(REF).mkdir(parents=True)
        holder = await asyncio.create_subprocess_exec("sleep", "600")
        stat = Path(f"/proc/{holder.pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        identity = {"pid": holder.pid, "start_time": int(stat[19]), "boot_id": boot}
        with open(machine.attempt(REF) / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write(json.dumps(identity))
            lock.flush()
            executor.attach(REF, GRACE_S)
            await eventually(watches_for_files)
            write_started(machine, boot)
            assert await recorder.start_of(REF) == 999_999_999
            holder.kill()
            await holder.wait()
        assert isinstance(await recorder.end_of(REF), LostAttempt)
        assert [kind for kind, _, _ in recorder.facts] == ["started", "ended"]

    async def test_attaching_twice_tells_once(self, machine: Machine) -> None:
        executor, recorder = await machine.executor()
        executor.submit(machine.launch(REF, "sh", "-c", GATED))
        executor.attach(REF, GRACE_S)
        await until_ready(machine, 1)
        executor.attach(REF, GRACE_S)
        (machine.ready / "go").touch()
        await recorder.exit_of(REF)
        assert [kind for kind, _, _ in recorder.facts] == ["started", "ended"]


def write_started(machine: Machine, boot_id: str) -> None:
    """The record of a start whose agent and shim are no more."""
    machine.attempt(REF).mkdir(parents=True, exist_ok=True)
    started = {"pid": 999_999_998, "start_time": 1, "boot_id": boot_id}
    started |= {"agent_pid": 999_999_999, "agent_start_time": 1, "started_at": 1.0, "boottime_s": 1.0}
    new = machine.attempt(REF) / "started.json.new"
    new.write_text(json.dumps(started))
    new.rename(machine.attempt(REF) / "started.json")


def watches_for_files() -> bool:
    """True when this process has an inotify watch."""
    found = []
    for info in Path("/proc/self/fdinfo").iterdir():
        try:
            found.append("inotify wd:" in info.read_text())
        except OSError:
            continue
    return any(found)


def test_no_fork_server_is_left_by_the_tests_before() -> None:
    assert all(state(pid) in ("", "Z") for pid in fork_servers())
