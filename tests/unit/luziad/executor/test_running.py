"""One attempt: what the agent gets, and how its end is told."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from luziad.executor.base import Launch
from luziad.jobs.attempt import AttemptRef, ExitRecord
from unit.luziad.executor.helpers import GRACE_S, Machine, Recorder, eventually, state

REF = AttemptRef("113754-a2f5", 1)


async def run(machine: Machine, launch: Launch) -> ExitRecord:
    executor, recorder = await machine.executor()
    executor.submit(launch)
    return await recorder.exit_of(launch.ref)


@pytest.mark.parametrize("code", [0, 1, 42, 127, 137, 255])
async def test_an_exit_code_is_told_as_a_code(machine: Machine, code: int) -> None:
    end = await run(machine, machine.launch(REF, "sh", "-c", f"exit {code}"))
    assert (end.exit_code, end.signal, end.error, end.stopped) == (code, None, None, False)


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (15, "SIGTERM"), (11, "SIGSEGV"), (40, "SIG40")])
async def test_a_signal_is_told_as_a_signal(machine: Machine, number: int, name: str) -> None:
    end = await run(machine, machine.python(REF, f"import os; os.kill(os.getpid(), {number})"))
    assert (end.exit_code, end.signal, end.error, end.stopped) == (None, name, None, False)


async def test_the_start_is_told_before_the_end_and_each_once(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.launch(REF, "sh", "-c", "echo $$"))
    end = await recorder.exit_of(REF)
    pid = int((machine.attempt(REF) / "stdout").read_text())
    assert recorder.facts == [("started", REF, pid), ("ended", REF, end)]


async def test_the_shim_is_gone_and_reaped_when_the_end_is_told(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.launch(REF, "true"))
    await recorder.end_of(REF)
    await eventually(lambda: not state(machine.shim(REF)))


async def test_times_and_usage_are_measured(machine: Machine) -> None:
    end = await run(machine, machine.python(REF, "sum(range(3_000_000))"))
    assert 0 < end.duration_s <= end.ended_at - end.started_at + 1
    assert end.usage.user_s is not None
    assert end.usage.user_s > 0
    assert end.usage.system_s is not None
    assert end.usage.max_rss_bytes is not None
    assert end.usage.max_rss_bytes > 1_000_000


async def test_output_is_kept_byte_for_byte(machine: Machine) -> None:
    script = (
        "import os\n"
        "def put(fd, data):\n"
        "    while data: data = data[os.write(fd, data):]\n"
        "put(1, bytes(range(256)) * 4096); put(2, bytes(range(255, -1, -1)) * 512)"
    )
    await run(machine, machine.python(REF, script))
    assert (machine.attempt(REF) / "stdout").read_bytes() == bytes(range(256)) * 4096
    assert (machine.attempt(REF) / "stderr").read_bytes() == bytes(range(255, -1, -1)) * 512


async def test_merged_output_keeps_its_order_and_has_no_second_file(machine: Machine) -> None:
    await run(machine, machine.launch(REF, "sh", "-c", "echo a; echo b >&2; echo c", merge_stderr=True))
    assert (machine.attempt(REF) / "stdout").read_text() == "a\nb\nc\n"
    assert not (machine.attempt(REF) / "stderr").exists()


async def test_output_paths_are_where_the_output_is(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.launch(REF, "sh", "-c", "echo out; echo err >&2"))
    await recorder.end_of(REF)
    assert Path(executor.output_path(REF, "stdout")).read_text() == "out\n"
    assert Path(executor.output_path(REF, "stderr")).read_text() == "err\n"
    assert Path(executor.job_directory(REF.job)) == machine.jobs / REF.job


async def test_the_agent_reads_the_prompt_on_stdin(machine: Machine) -> None:
    prompt = "fix \N{PILE OF POO}\r\n" * 50_000
    await run(machine, machine.launch(REF, "cat", prompt=prompt, stdin_prompt=True))
    assert (machine.attempt(REF) / "stdout").read_bytes() == prompt.encode()
    assert (machine.attempt(REF) / "prompt").read_bytes() == prompt.encode()


async def test_without_a_prompt_on_stdin_it_is_empty(machine: Machine) -> None:
    await run(machine, machine.launch(REF, "sh", "-c", "cat; readlink /proc/$$/fd/0", prompt="unread"))
    assert (machine.attempt(REF) / "stdout").read_text() == "/dev/null\n"
    assert (machine.attempt(REF) / "prompt").read_text() == "unread"


async def test_a_large_prompt_and_environment_arrive(machine: Machine) -> None:
    prompt = "x" * 2**20
    env = {f"V{number}": "y" * 100_000 for number in range(10)} | {"PATH": os.environ["PATH"]}
    await run(machine, machine.launch(REF, "sh", "-c", "cat; env", prompt=prompt, stdin_prompt=True, env=env))
    output = (machine.attempt(REF) / "stdout").read_text()
    assert output.startswith(prompt)
    assert output.count("y" * 100_000) == 10


async def test_the_environment_is_the_given_one_and_the_attempts_directory(machine: Machine) -> None:
    odd = {"A": "1", "EMPTY": "", "LINES": "a\nb", "BYTES": "\udcff"}
    env = machine.launch(REF).env | odd
    await run(machine, machine.launch(REF, "env", "-0", env=env))
    lines = (machine.attempt(REF) / "stdout").read_bytes().split(b"\0")[:-1]
    env["LUZIA_ATTEMPT_DIR"] = str(machine.attempt(REF))
    assert sorted(lines) == sorted(os.fsencode(f"{name}={value}") for name, value in env.items())


async def test_no_value_of_the_environment_is_written_anywhere(machine: Machine) -> None:
    await run(machine, machine.launch(REF, "true", env=machine.launch(REF).env | {"TOKEN": "s3cr3t-value"}))
    files = [path for path in machine.jobs.rglob("*") if path.is_file()]
    assert len(files) >= 6
    assert not any(b"s3cr3t-value" in path.read_bytes() for path in files)


async def test_the_agent_works_in_its_directory(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    await run(machine, machine.launch(REF, "pwd", cwd=str(tmp_path / "project")))
    assert (machine.attempt(REF) / "stdout").read_text() == f"{tmp_path}/project\n"


async def test_the_agent_inherits_nothing_but_its_three_streams(machine: Machine) -> None:
    stray = os.open("/", os.O_RDONLY)
    os.set_inheritable(stray, True)
    try:
        await run(machine, machine.launch(REF, "sh", "-c", "ls /proc/$$/fd"))
    finally:
        os.close(stray)
    descriptors = (machine.attempt(REF) / "stdout").read_text().split()
    assert set(descriptors) <= {"0", "1", "2", "10"}, "10 is the shell's own"
    assert {"0", "1", "2"} <= set(descriptors)


async def test_the_agent_leads_its_own_session_with_plain_signals(machine: Machine) -> None:
    await run(machine, machine.launch(REF, "cat", "/proc/self/status", "/proc/self/stat"))
    *status, stat_line = (machine.attempt(REF) / "stdout").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in status)
    internal = 0b11 << 31  # the C library's own two, which every posix_spawn(3) leaves ignored
    assert {int(fields[name], 16) & ~internal for name in ("SigBlk", "SigIgn", "SigCgt", "SigPnd")} == {0}
    pid, session = stat_line.split()[0], stat_line.rpartition(")")[2].split()[3]
    assert pid == session


async def test_what_is_written_is_for_the_owner_alone(machine: Machine) -> None:
    await run(machine, machine.launch(REF, "true", prompt="private"))
    for path in [machine.jobs, *machine.jobs.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


async def test_many_attempts_at_once_all_end_with_their_own_codes(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    refs = [AttemptRef(f"many-{number}", 1) for number in range(40)]
    for number, ref in enumerate(refs):
        executor.submit(machine.launch(ref, "sh", "-c", f"echo {number}; exit {number}"))
    ends = [await recorder.exit_of(ref) for ref in refs]
    assert [end.exit_code for end in ends] == list(range(40))
    assert [(machine.attempt(ref) / "stdout").read_text() for ref in refs] == [f"{n}\n" for n in range(40)]


class TestStartFailures:
    """Each reason why an agent cannot start is told in words, and as no exit code."""

    async def failure(self, machine: Machine, launch: Launch) -> str:
        executor, recorder = await machine.executor()
        executor.submit(launch)
        end = await recorder.exit_of(launch.ref)
        assert (end.exit_code, end.signal, end.stopped) == (None, None, False)
        assert recorder.of(launch.ref, "started") == []
        assert end.error is not None
        return end.error

    async def test_a_missing_program(self, machine: Machine) -> None:
        why = await self.failure(machine, machine.launch(REF, "no-such-agent"))
        assert why == "cannot start 'no-such-agent': no such program on PATH"

    async def test_a_missing_path(self, machine: Machine) -> None:
        why = await self.failure(machine, machine.launch(REF, "/nowhere/agent"))
        assert why == "cannot start '/nowhere/agent': no such program"

    async def test_a_file_that_is_not_executable(self, machine: Machine, tmp_path: Path) -> None:
        program = tmp_path / "agent"
        program.write_text("#!/bin/sh\n")
        why = await self.failure(machine, machine.launch(REF, "agent", env={"PATH": f"/nowhere:{tmp_path}"}))
        assert why == f"cannot start 'agent': {program} is not executable"

    async def test_a_script_without_its_interpreter(self, machine: Machine, tmp_path: Path) -> None:
        program = tmp_path / "agent"
        program.write_text("#!/nowhere/python\n")
        program.chmod(0o700)
        why = await self.failure(machine, machine.launch(REF, str(program)))
        assert why.startswith(f"cannot start '{program}': its interpreter")

    async def test_a_file_that_is_no_program(self, machine: Machine, tmp_path: Path) -> None:
        program = tmp_path / "agent"
        program.write_text("just text")
        program.chmod(0o700)
        why = await self.failure(machine, machine.launch(REF, str(program)))
        assert why.startswith(f"cannot start '{program}': it is neither a program")

    async def test_an_argument_that_is_too_long(self, machine: Machine) -> None:
        why = await self.failure(machine, machine.launch(REF, "true", "x" * 200_000))
        assert why == "cannot start 'true': its arguments and environment are larger than the system allows"

    async def test_an_argument_with_a_nul(self, machine: Machine) -> None:
        assert "null" in await self.failure(machine, machine.launch(REF, "true", "a\0b"))

    async def test_a_missing_directory(self, machine: Machine, tmp_path: Path) -> None:
        why = await self.failure(machine, machine.launch(REF, "true", cwd=f"{tmp_path}/gone"))
        assert why == f"directory {tmp_path}/gone no longer exists"

    async def test_a_file_where_a_directory_should_be(self, machine: Machine, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        why = await self.failure(machine, machine.launch(REF, "true", cwd=f"{tmp_path}/file"))
        assert why == f"directory {tmp_path}/file no longer exists"


@pytest.mark.parametrize("job", ["", ".", "..", "a/b", "../x", "/etc", "-x", "a\0", "a b", "x" * 200])
async def test_no_job_id_leads_out_of_the_jobs_directory(machine: Machine, job: str) -> None:
    executor, _ = await machine.executor()
    for ask in (executor.job_directory, executor.delete_job):
        with pytest.raises(ValueError, match="invalid job id"):
            ask(job)
    with pytest.raises(ValueError, match="invalid job id"):
        executor.submit(machine.launch(AttemptRef(job, 1), "true"))
    with pytest.raises(ValueError, match="invalid attempt number"):
        executor.attach(AttemptRef(REF.job, 0), GRACE_S)
    with pytest.raises(ValueError, match="unknown stream"):
        executor.output_path(REF, "../exit.json")


async def test_forgetting_a_job_deletes_its_directory(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.launch(REF, "true"))
    await recorder.end_of(REF)
    executor.delete_job(REF.job)
    await eventually(lambda: not (machine.jobs / REF.job).exists())
    executor.delete_job(REF.job)
    assert machine.jobs.exists()


async def test_an_observer_of_another_executor_hears_nothing(machine: Machine) -> None:
    _, stranger = await machine.executor()
    await run(machine, machine.launch(REF, "true"))
    assert isinstance(stranger, Recorder)
    assert stranger.facts == []
